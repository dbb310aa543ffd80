// The AWS SDK for JavaScript v2 knows no AWS_ENDPOINT_URL: each copy of it that a function loads is told of it here.
'use strict';

const Module = require('module');

const MARK = '/node_modules/aws-sdk/';
const told = new Set();
const load = Module._load;

Module._load = function (request, parent, isMain) {
  const loaded = load.apply(this, arguments);
  if (typeof request === 'string' && request.includes('aws-sdk')) {
    tell(request, parent, isMain);
  }
  return loaded;
};

function tell(request, parent, isMain) {
  const endpoint = process.env.AWS_ENDPOINT_URL;
  const file = Module._resolveFilename(request, parent, isMain);
  const at = file.lastIndexOf(MARK);
  if (!endpoint || at < 0) {
    return;
  }
  const folder = file.slice(0, at + MARK.length);
  const { config } = told.has(folder) ? {} : load(`${folder}lib/core.js`, parent, false);
  if (config) {
    told.add(folder);
    config.update({ endpoint, s3ForcePathStyle: true });
  }
}
