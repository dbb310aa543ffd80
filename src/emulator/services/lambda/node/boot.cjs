// What starts a Node.js function: AWS's runtime interface client over our transport, and a function's way to the endpoint.
'use strict';

const Module = require('module');
const path = require('path');
const { pathToFileURL } = require('url');

require('./answers.cjs');
require('./sdk_v2.cjs');

// The client loads its transport as a native addon that its installation compiles; this one is not compiled.
const native = Module._extensions['.node'];
Module._extensions['.node'] = function (module, filename) {
  if (path.basename(filename) === 'rapid-client.node') {
    module.exports = require('./transport.cjs');
    return;
  }
  native(module, filename);
};

// On Lambda, `import` finds the SDK as `require` does; Node.js looks into NODE_PATH for `require` only.
if (Module.register) {
  Module.register('./imports.mjs', pathToFileURL(__filename));
}

const client = path.join(__dirname, 'node_modules', 'aws-lambda-ric', 'dist', 'index.mjs');
import(pathToFileURL(client).href).then(
  ({ run }) => run(process.env.LAMBDA_TASK_ROOT, process.env._HANDLER),
  (error) => {
    console.error(error);
    process.exit(1);
  },
).catch((error) => {
  // What a function's module throws is an error of its initialisation; the client has a listener for it.
  process.emit('uncaughtException', error);
});
