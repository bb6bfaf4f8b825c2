package unikernel

import (
	"reflect"
	"sync"
	"unsafe"

	"github.com/lambdabench/lambdabench/runtime/unikernel/zygote"
)

// turnOf is the lock that a zygote holds while it carries out an order. No order takes
// as long as a test has to wait.
func turnOf(z *zygote.Zygote) *sync.Mutex {
	return (*sync.Mutex)(unsafe.Pointer(reflect.ValueOf(z).Elem().FieldByName("mu").UnsafeAddr()))
}
