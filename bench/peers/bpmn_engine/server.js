// The least server that makes bpmn-engine keep its requests: one row each, the engine's state as JSON in it.
//
//   POST /requests               starts one: 303 to its first task
//   GET  /requests/<id>          which tasks wait, as JSON
//   POST /requests/<id>/<task>   completes a task with the form's fields: 303 to the next one, or to the request at its end
//
// No account, no form, no page. The engine is used as its documentation shows it: started from the process' source, saved with
// `getState()`, recovered with `recover(state)`. Reading the process once, and sharing it as the engines' `sourceContext` instead
// of saving it with each request, was tried: it made no difference in submits a second.
//
// `node server.js PORT`; PGHOST, PGUSER and PGDATABASE say where PostgreSQL is.

import { EventEmitter } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';

import { Engine } from 'bpmn-engine';
import pg from 'pg';

const CONNECTIONS = 4; // as many as a process has clients, when eight ask
const source = await readFile(new URL('banc.bpmn', import.meta.url), 'utf8');
const pool = new pg.Pool({ max: CONNECTIONS, idleTimeoutMillis: 0 });

// Prepared once a connection.
const READ = { name: 'read', text: 'SELECT waiting FROM request WHERE id = $1' };
const LOCK = { name: 'lock', text: 'SELECT state FROM request WHERE id = $1 FOR UPDATE' };
const SAVE = { name: 'save', text: 'UPDATE request SET state = $2, waiting = $3 WHERE id = $1' };
const INSERT = { name: 'insert', text: 'INSERT INTO request (state, waiting) VALUES ($1, $2) RETURNING id' };

/** Someone who keeps what each task brought, as bpmn-engine leaves to its users. */
function keeping() {
  const listener = new EventEmitter();
  listener.on('activity.end', ({ id, content, environment }) => {
    if (content.output) environment.output[id] = content.output;
  });
  return listener;
}

/** The state to save and the tasks that wait. */
async function savedBy(engine, execution) {
  const state = await engine.getState();
  const waiting = execution.getPostponed().filter(({ type }) => type === 'bpmn:UserTask');
  return [JSON.stringify(state), waiting.map(({ id }) => id)];
}

async function start() {
  const engine = new Engine({ name: 'banc', source });
  const execution = await engine.execute({ listener: keeping() });
  const [state, waiting] = await savedBy(engine, execution);
  const { rows } = await pool.query({ ...INSERT, values: [state, waiting] });
  return addressOf(rows[0].id, waiting);
}

/** Complete a task in one transaction that holds the request's row; where to go next, or null if it doesn't wait. */
async function complete(id, task, fields) {
  const connection = await pool.connect();
  try {
    await connection.query('BEGIN');
    const { rows } = await connection.query({ ...LOCK, values: [id] });
    const engine = new Engine().recover(JSON.parse(rows[0].state));
    const execution = await engine.resume({ listener: keeping() });
    if (!execution.getPostponed().some((postponed) => postponed.id === task)) {
      await connection.query('ROLLBACK');
      return null;
    }
    execution.signal({ ...fields, id: task });
    const [state, waiting] = await savedBy(engine, execution);
    await connection.query({ ...SAVE, values: [id, state, waiting] });
    await connection.query('COMMIT');
    return addressOf(id, waiting);
  } catch (error) {
    await connection.query('ROLLBACK');
    throw error;
  } finally {
    connection.release();
  }
}

const addressOf = (id, waiting) => ['/requests', id, ...waiting].join('/');

async function bodyOf(request) {
  const pieces = [];
  for await (const piece of request) pieces.push(piece);
  return Object.fromEntries(new URLSearchParams(Buffer.concat(pieces).toString()));
}

async function answer(request, response) {
  const [, room, id, task] = request.url.split('/');
  if (room !== 'requests') return response.writeHead(404).end();
  if (request.method === 'GET') {
    const { rows } = await pool.query({ ...READ, values: [id] });
    const body = JSON.stringify(rows[0].waiting);
    return response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) }).end(body);
  }
  const fields = await bodyOf(request);
  const where = id ? await complete(id, task, fields) : await start();
  if (where === null) return response.writeHead(409, { 'Content-Length': 0 }).end();
  return response.writeHead(303, { Location: where, 'Content-Length': 0 }).end();
}

await pool.query(`CREATE TABLE IF NOT EXISTS request
  (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, state text NOT NULL, waiting text[] NOT NULL)`);
createServer((request, response) => {
  answer(request, response).catch((error) => {
    console.error(error);
    response.writeHead(500).end(String(error));
  });
}).listen(Number(process.argv[2]), '127.0.0.1');
