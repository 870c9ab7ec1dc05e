#include "runtime/machine/start_thread.h"

#include <signal.h>

#include <cstddef>

namespace lluda::runtime {
namespace {

constexpr size_t kStackBytes = 8 << 20;

}  // namespace

int StartThread(void* (*main)(void*), void* argument, pthread_t* thread) {
  pthread_attr_t attributes;
  int error = pthread_attr_init(&attributes);
  if (error != 0) return error;
  error = pthread_attr_setstacksize(&attributes, kStackBytes);
  if (error == 0) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    error = pthread_create(thread, &attributes, main, argument);
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
  }
  pthread_attr_destroy(&attributes);
  return error;
}

}  // namespace lluda::runtime
