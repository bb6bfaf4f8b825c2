module.exports = 'by NODE_PATH';
