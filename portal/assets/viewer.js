// The diagram of a process, read-only: <div data-diagram="/address.bpmn" data-marks="/marks.json" tabindex="0" role="region" aria-label="…">.
// Marks are JSON: {"done": [element ids], "current": [element ids]}; they may also stand in the page, in data-marks-inline.
import Viewer from "bpmn-js/lib/Viewer";

// Below this scale nobody reads the names: the drawing is then larger than its frame, which scrolls.
const LEGIBLE = 0.9;
const MARGIN = 20;

async function show(container) {
  const [xml, marks] = await Promise.all([
    fetched(container.dataset.diagram).then((answer) => answer.text()),
    container.dataset.marks
      ? fetched(container.dataset.marks).then((answer) => answer.json())
      : JSON.parse(container.dataset.marksInline || "{}"),
  ]);
  const sheet = container.appendChild(document.createElement("div"));
  sheet.className = "ville-diagram__sheet";
  const viewer = new Viewer({ container: sheet, width: "100%", height: "100%" });
  await viewer.importXML(xml);
  const canvas = viewer.get("canvas");
  const elements = viewer.get("elementRegistry");
  for (const [kind, ids] of Object.entries({ done: marks.done ?? [], current: marks.current ?? [] })) {
    for (const id of ids) if (elements.get(id)) canvas.addMarker(id, `ville-${kind}`);
  }
  // The mark of the drawing's makers stays in sight while the drawing scrolls.
  const mark = sheet.querySelector(".bjs-powered-by");
  if (mark) container.parentElement.append(mark);

  const drawing = canvas.viewbox().inner;
  const whole = () =>
    Math.min(
      1,
      container.clientWidth / (drawing.width + 2 * MARGIN),
      container.clientHeight / (drawing.height + 2 * MARGIN),
    );
  let scale = 1;
  // Draw at a scale, this point of the diagram in the middle of what is seen.
  const draw = (wanted, middle) => {
    scale = Math.min(4, Math.max(Math.min(0.2, whole()), wanted));
    const width = Math.max(container.clientWidth, (drawing.width + 2 * MARGIN) * scale);
    const height = Math.max(container.clientHeight, (drawing.height + 2 * MARGIN) * scale);
    Object.assign(sheet.style, { width: `${width}px`, height: `${height}px` });
    canvas.resized();
    canvas.viewbox({ x: drawing.x - MARGIN, y: drawing.y - MARGIN, width: width / scale, height: height / scale });
    container.scrollTo(
      (middle.x - drawing.x + MARGIN) * scale - container.clientWidth / 2,
      (middle.y - drawing.y + MARGIN) * scale - container.clientHeight / 2,
    );
  };
  const seen = () => ({
    x: (container.scrollLeft + container.clientWidth / 2) / scale + drawing.x - MARGIN,
    y: (container.scrollTop + container.clientHeight / 2) / scale + drawing.y - MARGIN,
  });
  const zoom = (factor) => draw(scale * factor, seen());
  const fit = () => draw(whole(), { x: drawing.x + drawing.width / 2, y: drawing.y + drawing.height / 2 });
  const here = elements.get((marks.current ?? [])[0]);
  draw(
    Math.max(whole(), LEGIBLE),
    here ? { x: here.x + here.width / 2, y: here.y + here.height / 2 } : { x: drawing.x, y: drawing.y },
  );
  // Arrows scroll by themselves.
  const keys = { "+": () => zoom(1.25), "-": () => zoom(0.8), 0: fit };
  container.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || !keys[event.key]) return;
    event.preventDefault();
    keys[event.key]();
  });
  container.before(buttons([["Agrandir", () => zoom(1.25)], ["Réduire", () => zoom(0.8)], ["Tout voir", fit]], container.id));
}

async function fetched(address) {
  const answer = await fetch(address, { credentials: "same-origin" });
  if (!answer.ok) throw new Error(`${address}: ${answer.status}`);
  return answer;
}

function buttons(actions, controls) {
  const row = document.createElement("div");
  row.className = "ville-diagram__buttons";
  for (const [text, act] of actions) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "govuk-button govuk-button--secondary";
    button.textContent = text;
    if (controls) button.setAttribute("aria-controls", controls);
    button.addEventListener("click", act);
    row.append(button);
  }
  return row;
}

for (const container of document.querySelectorAll("[data-diagram]")) {
  show(container).catch(() => {
    container.replaceChildren(
      Object.assign(document.createElement("p"), {
        className: "govuk-body",
        textContent: "Le schéma ne peut pas être affiché. L’historique en donne le contenu.",
      }),
    );
  });
}
