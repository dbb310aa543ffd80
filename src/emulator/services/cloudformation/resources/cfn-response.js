// What AWS puts beside inline code of the Node.js runtimes: tells CloudFormation how a custom resource came out.
'use strict';

exports.SUCCESS = 'SUCCESS';
exports.FAILED = 'FAILED';

exports.send = function (event, context, responseStatus, responseData, physicalResourceId, noEcho) {
  const body = JSON.stringify({
    Status: responseStatus,
    Reason: `See the details in CloudWatch Log Stream: ${context.logStreamName}`,
    PhysicalResourceId: physicalResourceId || context.logStreamName,
    StackId: event.StackId,
    RequestId: event.RequestId,
    LogicalResourceId: event.LogicalResourceId,
    NoEcho: noEcho || false,
    Data: responseData,
  });
  const url = new URL(event.ResponseURL);
  const headers = { 'content-type': '', 'content-length': Buffer.byteLength(body) };
  const { request } = require(url.protocol === 'http:' ? 'http' : 'https');
  request(url, { method: 'PUT', headers }, (response) => {
    response.resume();
    console.log(`Status code: ${response.statusCode}`);
    context.done();
  })
    .on('error', (error) => {
      console.log(`send(..) failed executing request(..): ${error}`);
      context.done();
    })
    .end(body);
};
