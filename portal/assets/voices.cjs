// Reads the ten digits aloud in French into `<folder>/<digit>/voix.wav`, at the 8,000 samples of 8 bits that the captcha mixes.
const { mkdirSync, writeFileSync } = require("node:fs");
const { join } = require("node:path");

// meSpeak looks for a browser and says so.
console.log = () => {};
const speech = require("mespeak");
speech.loadConfig(require("mespeak/src/mespeak_config.json"));
speech.loadVoice(require("mespeak/voices/fr.json"));

const WORDS = ["zéro", "un", "deux", "trois", "quatre", "cinq", "six", "sept", "huit", "neuf"];
const RATE = 8000;
const HEADER = 44;
const LOUDEST = 110;

WORDS.forEach((word, digit) => {
  const wave = Buffer.from(speech.speak(word, { rawdata: "buffer", speed: 105 }));
  const folder = join(process.argv[2], String(digit));
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "voix.wav"), plainer(wave));
});

// 16 bits at its own rate to 8 bits at ours, as loud for each digit and without the silence at both ends.
function plainer(wave) {
  const step = wave.readUInt32LE(24) / RATE;
  const means = [];
  for (let index = 0; (index + 1) * step <= (wave.length - HEADER) / 2; index += 1) {
    let sum = 0;
    const first = Math.floor(index * step);
    const last = Math.floor((index + 1) * step);
    for (let place = first; place < last; place += 1) sum += wave.readInt16LE(HEADER + place * 2);
    means.push(sum / (last - first));
  }
  const peak = Math.max(...means.map(Math.abs));
  const heard = (sample) => Math.abs(sample) > peak / 50;
  const voice = means.slice(means.findIndex(heard), means.findLastIndex(heard) + 1);
  return Buffer.concat([header(voice.length), Buffer.from(voice.map((sample) => 128 + Math.round((sample / peak) * LOUDEST)))]);
}

function header(length) {
  const found = Buffer.alloc(HEADER);
  found.write("RIFF", 0);
  found.writeUInt32LE(HEADER - 8 + length, 4);
  found.write("WAVEfmt ", 8);
  found.writeUInt32LE(16, 16);
  found.writeUInt16LE(1, 20);
  found.writeUInt16LE(1, 22);
  found.writeUInt32LE(RATE, 24);
  found.writeUInt32LE(RATE, 28);
  found.writeUInt16LE(1, 32);
  found.writeUInt16LE(8, 34);
  found.write("data", 36);
  found.writeUInt32LE(length, 40);
  return found;
}
