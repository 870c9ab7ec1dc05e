// The constants of `gelu`, which is GELU by its formula with tanh (Hendrycks and Gimpel 2016):
//   x / 2 * (1 + tanh(kGeluScale * (x + kGeluCube * x^3)))
#ifndef LLUDA_IR_OP_GELU_H_
#define LLUDA_IR_OP_GELU_H_

namespace lluda::ir {

inline constexpr double kGeluScale = 0.79788456080286535588;  // sqrt(2 / pi)
inline constexpr double kGeluCube = 0.044715;

}  // namespace lluda::ir

#endif  // LLUDA_IR_OP_GELU_H_
