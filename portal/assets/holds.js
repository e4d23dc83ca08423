// How long something is still held for: the page says the hour without this, and counts down with it.
const MINUTE = 60_000;

function say(minutes) {
  return minutes < 1 ? "moins d’une minute" : minutes === 1 ? "une minute" : `${minutes} minutes`;
}

function follow(box) {
  const end = Date.parse(box.dataset.hold);
  const shown = box.querySelector("[data-hold-left]");
  const told = box.querySelector("[data-hold-said]");
  const warned = new Set();
  const tick = () => {
    const left = end - Date.now();
    if (left <= 0) {
      shown.textContent = " (le délai est passé)";
      told.textContent = "Le délai est passé. Votre saisie est conservée.";
      return;
    }
    const minutes = Math.floor(left / MINUTE);
    shown.textContent = ` (encore ${say(minutes)})`;
    for (const threshold of [5, 1]) {
      // Said once each: more would talk over whoever is filling in.
      if (minutes < threshold && !warned.has(threshold)) {
        warned.add(threshold);
        told.textContent = `Il reste ${say(minutes)}. Vous pouvez prolonger.`;
        break;
      }
    }
    setTimeout(tick, Math.min(left, left % MINUTE || MINUTE) + 50);
  };
  tick();
}

document.querySelectorAll("[data-hold]").forEach(follow);
