// The natural logarithm, the same bits on every machine: see portable_exp.h.
//
//   PortableLog(2.0);   // 0.6931471805599453
#ifndef LLUDA_BASE_PORTABLE_LOG_H_
#define LLUDA_BASE_PORTABLE_LOG_H_

namespace lluda::base {

// Within one unit in the last place of ln x; -infinity of 0, infinity of infinity, NaN of what is
// below 0 and of NaN.
double PortableLog(double x);

}  // namespace lluda::base

#endif  // LLUDA_BASE_PORTABLE_LOG_H_
