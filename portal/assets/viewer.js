// The diagram of a process, read-only: <div data-diagram="/address.bpmn" data-marks="/marks.json" tabindex="0" role="region" aria-label="…">.
// Marks are JSON: {"done": [element ids], "current": [element ids]}; they may also stand in the page, in data-marks-inline.
import NavigatedViewer from "bpmn-js/lib/NavigatedViewer";

const STEP = 60;

async function show(container) {
  const [xml, marks] = await Promise.all([
    fetched(container.dataset.diagram).then((answer) => answer.text()),
    container.dataset.marks
      ? fetched(container.dataset.marks).then((answer) => answer.json())
      : JSON.parse(container.dataset.marksInline || "{}"),
  ]);
  const viewer = new NavigatedViewer({ container });
  await viewer.importXML(xml);
  const canvas = viewer.get("canvas");
  const elements = viewer.get("elementRegistry");
  for (const [kind, ids] of Object.entries({ done: marks.done ?? [], current: marks.current ?? [] })) {
    for (const id of ids) if (elements.get(id)) canvas.addMarker(id, `ville-${kind}`);
  }
  const fit = () => canvas.zoom("fit-viewport", "auto");
  fit();
  const zoom = (factor) => canvas.zoom(Math.min(4, Math.max(0.2, canvas.zoom() * factor)));
  const moves = {
    ArrowLeft: () => canvas.scroll({ dx: STEP, dy: 0 }),
    ArrowRight: () => canvas.scroll({ dx: -STEP, dy: 0 }),
    ArrowUp: () => canvas.scroll({ dx: 0, dy: STEP }),
    ArrowDown: () => canvas.scroll({ dx: 0, dy: -STEP }),
    "+": () => zoom(1.25),
    "-": () => zoom(0.8),
    0: fit,
  };
  container.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || !moves[event.key]) return;
    event.preventDefault();
    moves[event.key]();
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
