// mocha --require: Node.js measures the coverage of this process only. Each child would write some hundred
// kilobytes at its end, which takes longer than most of them run.
delete process.env.NODE_V8_COVERAGE;
