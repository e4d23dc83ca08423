// Questions that depend on answers: shown, hidden and starred by the rules that the server wrote beside them
// (engine/procedures/forms/conditions.py says what a rule is). The server decides again when the form is sent.

export function followConditions(form) {
  const conditional = [...form.querySelectorAll("[data-show-if]")];
  const starred = [...form.querySelectorAll("[data-required-if]")];
  if (!conditional.length && !starred.length) return;
  const rules = new Map([
    ...conditional.map((element) => [element, JSON.parse(element.dataset.showIf)]),
    ...starred.map((element) => [element, JSON.parse(element.dataset.requiredIf)]),
  ]);

  // A hidden question counts as unanswered, and may hide others in turn: as many rounds as there are questions.
  function update() {
    for (let round = 0; round <= conditional.length; round += 1) {
      const answers = answersOf(form);
      let changed = false;
      for (const element of conditional) {
        const hidden = !holds(rules.get(element), answers);
        if (hidden !== element.hidden) {
          element.hidden = hidden;
          changed = true;
        }
      }
      if (!changed) break;
    }
    for (const element of conditional) {
      for (const control of element.querySelectorAll("input, select, textarea, button")) {
        control.disabled = control.closest("[data-show-if][hidden]") !== null;
      }
    }
    const answers = answersOf(form);
    for (const element of starred) element.hidden = !holds(rules.get(element), answers);
  }

  form.addEventListener("input", update);
  form.addEventListener("change", update);
  // The browser puts typed values back after the page has been shown from its history.
  window.addEventListener("pageshow", update);
  update();
}

// The answers on the page by path, each a list of texts; what is hidden is left out.
export function answersOf(form) {
  const answers = new Map();
  for (const control of form.elements) {
    if (!control.name || control.name.startsWith("_") || control.closest("[data-show-if][hidden]")) continue;
    if ((control.type === "checkbox" || control.type === "radio") && !control.checked) continue;
    if (control.type === "submit" || control.type === "button") continue;
    const value = control.value.trim();
    if (value === "") continue;
    // A date in three boxes is one answer, and so are the files just chosen.
    const path = control.name.replace(/-(day|month|year|files|pieces)$/, "");
    answers.set(path, [...(answers.get(path) ?? []), value]);
  }
  return answers;
}

export function holds(rule, answers) {
  if ("all" in rule) return rule.all.every((one) => holds(one, answers));
  if ("any" in rule) return rule.any.some((one) => holds(one, answers));
  if ("not" in rule) return !holds(rule.not, answers);
  const values = answers.get(rule.path) ?? [];
  if ("given" in rule) return values.length > 0 || [...answers.keys()].some((path) => path.startsWith(`${rule.path}.`));
  if ("in" in rule) return values.some((value) => rule.in.includes(value));
  if ("least" in rule) return values.length >= rule.least;
  if ("most" in rule) return values.length <= rule.most;
  if ("match" in rule) return values.some((value) => matches(rule.match, value));
  const number = Number.parseFloat((values[0] ?? "").replace(/\s/g, "").replace(",", "."));
  if (Number.isNaN(number)) return false;
  if ("min" in rule) return number >= rule.min;
  if ("max" in rule) return number <= rule.max;
  if ("above" in rule) return number > rule.above;
  return number < rule.below;
}

function matches(pattern, value) {
  try {
    return new RegExp(pattern, "u").test(value);
  } catch {
    // Written for the server's dialect: show the question, the server will say.
    return true;
  }
}
