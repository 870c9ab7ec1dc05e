// The exponential function, the same bits on every machine. That of the C library may use fused
// multiplication where the CPU has it, and changes with the library.
//
//   PortableExp(-1.0);   // 0.36787944117144233
#ifndef LLUDA_BASE_PORTABLE_EXP_H_
#define LLUDA_BASE_PORTABLE_EXP_H_

namespace lluda::base {

// Within one unit in the last place of e^x; infinity above 709.78, 0 below -745.13, NaN of NaN.
double PortableExp(double x);

}  // namespace lluda::base

#endif  // LLUDA_BASE_PORTABLE_EXP_H_
