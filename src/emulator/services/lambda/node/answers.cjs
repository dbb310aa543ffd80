// Providers of custom resources put their answer with `https` and without the port of the URL they were given, as on AWS,
// where it needs none: such a request goes to the endpoint.
'use strict';

const http = require('http');
const https = require('https');
const { syncBuiltinESMExports } = require('module');

const BUCKET = '/cloudformation-custom-resource-response-';
const endpoint = process.env.AWS_ENDPOINT_URL ? new URL(process.env.AWS_ENDPOINT_URL) : null;
const { request } = https;

function directed(target, options) {
  if (typeof target === 'string' || target instanceof URL) {
    const { hostname, port, pathname, search } = new URL(target);
    return { hostname, port, path: pathname + search, ...options };
  }
  return target;
}

function isAnswer({ hostname, host, port, path }) {
  return (hostname || host) === endpoint.hostname && (!port || Number(port) === 443) && String(path).startsWith(BUCKET);
}

if (endpoint && endpoint.protocol === 'http:') {
  https.request = function (target, options, callback) {
    const given = typeof options === 'function' ? undefined : options;
    const answer = directed(target, given);
    if (!answer || !isAnswer(answer)) {
      return request.apply(this, arguments);
    }
    const over = { ...answer, protocol: 'http:', hostname: endpoint.hostname, port: endpoint.port, agent: undefined };
    return http.request(over, typeof options === 'function' ? options : callback);
  };
  https.get = function (...given) {
    const made = https.request(...given);
    made.end();
    return made;
  };
  syncBuiltinESMExports();
}
