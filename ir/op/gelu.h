// The constants of GELU (Hendrycks and Gimpel 2016). `gelu_erf` is its definition, `gelu` the formula
// with tanh that comes near to it:
//   x / 2 * (1 + erf(kGeluErfScale * x))
//   x / 2 * (1 + tanh(kGeluScale * (x + kGeluCube * x^3)))
#ifndef LLUDA_IR_OP_GELU_H_
#define LLUDA_IR_OP_GELU_H_

namespace lluda::ir {

inline constexpr double kGeluErfScale = 0.70710678118654752440;  // 1 / sqrt(2)
inline constexpr double kGeluScale = 0.79788456080286535588;     // sqrt(2 / pi)
inline constexpr double kGeluCube = 0.044715;

}  // namespace lluda::ir

#endif  // LLUDA_IR_OP_GELU_H_
