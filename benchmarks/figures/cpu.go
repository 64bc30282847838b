package main

import "errors"

var errNoCPUTime = errors.New("this system does not tell the CPU time of a process")
