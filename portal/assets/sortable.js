// Rows of a list dragged to another place; what is dropped is sent as the form that the buttons send. Without JavaScript, or
// without a mouse, the buttons do the same.
export function sortRows(form) {
  const list = form.querySelector("[data-sortable-list]");
  const said = form.querySelector("[data-sortable-said]");
  let held = null;
  let before = "";

  form.querySelector("[data-sortable-hint]").hidden = false;
  for (const row of list.children) {
    row.draggable = true;
  }

  list.addEventListener("dragstart", (event) => {
    held = event.target.closest("li");
    before = order();
    event.dataTransfer.effectAllowed = "move";
    event.dataTransfer.setData("text/plain", held.dataset.name);
    held.classList.add("ville-sortable__item--held");
  });

  list.addEventListener("dragover", (event) => {
    const over = event.target.closest("li");
    if (!held) return;
    event.preventDefault();
    if (!over || over === held || over.parentNode !== list) return;
    const box = over.getBoundingClientRect();
    list.insertBefore(held, event.clientY < box.top + box.height / 2 ? over : over.nextSibling);
  });

  list.addEventListener("drop", (event) => event.preventDefault());

  list.addEventListener("dragend", () => {
    held.classList.remove("ville-sortable__item--held");
    const moved = held;
    held = null;
    if (order() !== before) send(moved);
  });

  function order() {
    return [...list.querySelectorAll("input[name=ordre]")].map((field) => field.value).join(" ");
  }

  // The first row can't go up, the last one can't go down.
  function follow() {
    const rows = [...list.children];
    rows.forEach((row, place) => {
      row.querySelector("[value^=monter]").disabled = place === 0;
      row.querySelector("[value^=descendre]").disabled = place === rows.length - 1;
    });
  }

  async function send(moved) {
    const fields = new FormData(form);
    fields.set("action", "ordonner");
    try {
      // Not `form.action`, which the buttons of that name hide.
      const answer = await fetch(form.getAttribute("action"), { method: "POST", body: new URLSearchParams(fields) });
      if (!answer.ok) throw new Error(answer.statusText);
      follow();
      said.textContent = `${moved.dataset.name} est maintenant à la place ${[...list.children].indexOf(moved) + 1}.`;
    } catch {
      // What is on the page may not be what is kept: show what is.
      location.reload();
    }
  }
}
