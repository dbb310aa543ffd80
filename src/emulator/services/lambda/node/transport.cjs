// The Lambda Runtime API as the native addon of aws-lambda-ric offers it: `next` waits without holding up the event
// loop; `done` and `error` return when the endpoint has the answer, since the process may end right after them.
'use strict';

const http = require('http');
const { Worker } = require('worker_threads');

const { hostname, port } = new URL(`http://${process.env.AWS_LAMBDA_RUNTIME_API}`);
const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
const { get } = http;

const POSTING = `
const http = require('http');
const { parentPort } = require('worker_threads');
const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
parentPort.on('message', ({ finished, options, body }) => {
  const finish = () => {
    Atomics.store(finished, 0, 1);
    Atomics.notify(finished, 0);
  };
  const request = http.request({ ...options, agent }, (response) => response.resume().on('close', finish));
  request.on('error', finish).end(body);
});`;
const worker = new Worker(POSTING, { eval: true, execArgv: [], env: { ...process.env, NODE_OPTIONS: '' } });
worker.unref();

function post(what, id, body, headers) {
  const finished = new Int32Array(new SharedArrayBuffer(4));
  const bytes = Buffer.from(body, 'utf8');
  const options = {
    hostname,
    port,
    method: 'POST',
    path: `/2018-06-01/runtime/invocation/${id}/${what}`,
    headers: { 'Content-Type': 'application/json', 'Content-Length': bytes.length, ...headers },
  };
  worker.postMessage({ finished, options, body: bytes });
  Atomics.wait(finished, 0, 0);
}

exports.next = () =>
  new Promise((resolve, reject) => {
    const options = { hostname, port, path: '/2018-06-01/runtime/invocation/next', agent };
    get(options, (response) => {
      const parts = [];
      response.on('data', (part) => parts.push(part)).on('error', reject);
      response.on('end', () => {
        const headers = { ...response.headers };
        headers['lambda-runtime-deadline-ms'] = Number(headers['lambda-runtime-deadline-ms']);
        resolve({ bodyJson: Buffer.concat(parts).toString('utf8'), headers });
      });
    }).on('error', reject);
  });

exports.done = (id, body) => post('response', id, body, {});

exports.error = (id, body, cause) => {
  const { errorType } = JSON.parse(body);
  const headers = { 'Lambda-Runtime-Function-Error-Type': String(errorType || 'Error').replace(/[^\x20-\x7e]/g, '?') };
  if (cause && cause.length < 1 << 20 && !/[^\x20-\x7e]/.test(cause)) {
    headers['Lambda-Runtime-Function-XRay-Error-Cause'] = cause;
  }
  post('error', id, body, headers);
};
