package driver

import "github.com/lambdabench/lambdabench/runtime/isolation"

// Environment is what an interpreter starts with, the same for every backend:
// what AWS Lambda documents ('Defined runtime environment variables') as far as
// it is no function's, and what spec adds. dir holds the driver, home is private
// to the sandbox, task will hold the function. What is a function's own comes with its import.
//
// LANG is a locale that every C library has.
func Environment(spec isolation.BootSpec, dir, home, task string) []string {
	env := []string{
		"PATH=/usr/local/bin:/usr/bin:/bin", "LANG=C.UTF-8", "TZ=:UTC", "HOME=" + home, "TMPDIR=" + home,
		"LD_LIBRARY_PATH=" + LibraryPath(task), "LAMBDA_TASK_ROOT=" + task, "LAMBDA_RUNTIME_DIR=" + dir,
		"AWS_EXECUTION_ENV=AWS_Lambda_" + spec.Interpreter.Runtime, "AWS_LAMBDA_INITIALIZATION_TYPE=on-demand",
	}
	return append(env, spec.Environment...)
}
