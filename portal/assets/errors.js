// What the page said was wrong, once it isn't any more.

// The list of errors at the top says no more of a field that is right now.
export function forgive(part) {
  for (const link of document.querySelectorAll(".govuk-error-summary__list a")) {
    if (part.querySelector(link.hash)) link.closest("li").remove();
  }
  const summary = document.querySelector(".govuk-error-summary");
  if (!summary || summary.querySelector("li")) return;
  summary.remove();
  document.title = document.title.replace(/^Erreur\s*:\s*/, "");
}

// Nor does the field itself.
export function clear(input) {
  const group = input.closest(".govuk-form-group");
  const message = group?.querySelector(".govuk-error-message");
  if (!message) return;
  forgive(group);
  const described = (input.getAttribute("aria-describedby") ?? "").split(" ").filter((id) => id && id !== message.id);
  if (described.length) input.setAttribute("aria-describedby", described.join(" "));
  else input.removeAttribute("aria-describedby");
  message.remove();
  group.classList.remove("govuk-form-group--error");
  input.classList.remove("govuk-input--error");
}
