// Package mpsc monitors several FaaS providers and recommends where to run a
// function, as Aske and Zhao describe it ("Supporting Multi-Provider Serverless
// Computing on the Edge", 2018).
//
// An [Executor] invokes a function at one provider and times the round trip.
// The [Controller] tests every provider at an interval and on demand, keeps
// each test in a [Database], and answers with a [Schedule]: one of the built-in
// ones, or a Python class that a user uploaded and that runs as a function in
// the platform's own sandbox. [Handler] is the REST API, and its proxy mode
// runs the function at the recommended provider and falls over to the next.
//
//	cfg, err := mpsc.ReadConfig("mpsc.yaml")
//	db, err := mpsc.OpenDatabase(cfg.Database)
//	c, err := mpsc.NewController(cfg, db, mpsc.Options{})
//	go c.Run(ctx)
//	http.ListenAndServe("127.0.0.1:9100", mpsc.Handler(c))
//
// A provider is one of this project's platforms or a commercial one. The package
// deploys no functions.
package mpsc
