// A row of op_diff_test: a function whose value is compared, its numbers, and how near they have to be.
//
//   OpCase("add").Takes("%a: f32 x[5]").Returns("f32 x[5]").Body("%r = add %a %a : f32 x[5]")
#ifndef LLUDA_TESTS_OP_CASES_OP_CASE_H_
#define LLUDA_TESTS_OP_CASES_OP_CASE_H_

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "machine/tiles.h"

namespace lluda::tests {

// The function is @f, the value %r.
struct OpCase {
  explicit OpCase(std::string its_name) : name(std::move(its_name)) {}

  // Weights, states and the load block.
  OpCase& Declares(std::string text) { return Set(&declarations, std::move(text)); }
  OpCase& Takes(std::string text) { return Set(&parameters, std::move(text)); }
  OpCase& Returns(std::string type) { return Set(&result, std::move(type)); }
  OpCase& Body(std::string text) { return Set(&body, std::move(text)); }
  // Of the symbols that are not 1, or 64 for C.
  OpCase& Dims(std::map<std::string, int64_t> values) { return Set(&dims, std::move(values)); }
  // The largest relative error.
  OpCase& Bound(double value) { return Set(&bound, value); }
  // Of the random numbers.
  OpCase& Spread(float value) { return Set(&spread, value); }
  // What parameters of integers hold; 0, 1, 2, ... else.
  OpCase& Integers(std::map<std::string, std::vector<int64_t>> values) {
    return Set(&integers, std::move(values));
  }

  std::string name, declarations, parameters, result, body;
  std::map<std::string, int64_t> dims;
  double bound = 1e-6;
  float spread = 1.0f;
  std::map<std::string, std::vector<int64_t>> integers;

 private:
  template <typename T>
  OpCase& Set(T* field, T value) {
    *field = std::move(value);
    return *this;
  }
};

// The module that holds the function, with the panels that the device wants.
std::string ModuleText(const OpCase& c, machine::DeviceKind device);

// A weight @name of these axes, packed over k as @pname.
struct PackedWeight {
  std::string declaration;
  std::string load;
};
PackedWeight Packed(const std::string& name, const std::string& dtype, const std::string& axes,
                    const std::string& k);
std::string Declared(const PackedWeight& weight);

}  // namespace lluda::tests

#endif  // LLUDA_TESTS_OP_CASES_OP_CASE_H_
