// Starts a thread, or says why there is none to be had: a limit on processes, or no memory.
//
//   pthread_t thread;
//   const int error = StartThread(&Work, &task, &thread);
//   if (error != 0) Work(&task);   // here, then
#ifndef LLUDA_RUNTIME_MACHINE_START_THREAD_H_
#define LLUDA_RUNTIME_MACHINE_START_THREAD_H_

#include <pthread.h>

namespace lluda::runtime {

// 0, or an errno. The thread takes no signals: those are for the program's own threads, which
// Ctrl-C must interrupt. Its stack holds 8 MiB whatever `ulimit -s` says, enough for a compiler.
int StartThread(void* (*main)(void*), void* argument, pthread_t* thread);

}  // namespace lluda::runtime

#endif  // LLUDA_RUNTIME_MACHINE_START_THREAD_H_
