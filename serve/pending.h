// An answer on its way that can be ended before its time.
#ifndef LLUDA_SERVE_PENDING_H_
#define LLUDA_SERVE_PENDING_H_

namespace lluda::serve {

class Pending {
 public:
  virtual ~Pending() = default;
  // Ends it with an error, as the server is shutting down.
  virtual void Abort() = 0;
};

}  // namespace lluda::serve

#endif  // LLUDA_SERVE_PENDING_H_
