// An i64 that the generated code computes, with operators, so that a formula reads as one:
//
//   const Integer panel = Integer(e, column) / kLanes;
//   e.Address(buffer, panel * panel_elements + Integer(e, column) % kLanes, dtype)
//
// It stands wherever a Value* does. Its operators write one instruction each, in the order in which
// they are evaluated; operands are not negative, so / and % are those of unsigned integers.
#ifndef LLUDA_CODEGEN_EMIT_INTEGER_H_
#define LLUDA_CODEGEN_EMIT_INTEGER_H_

#include "codegen/emit/emitter.h"

namespace lluda::codegen {

class Integer {
 public:
  Integer(Emitter& e, Value* value) : e_(&e), value_(value) {}
  operator Value*() const { return value_; }  // NOLINT: that is what it is for

  Integer operator+(Value* o) const { return {*e_, e_->b().CreateAdd(value_, o)}; }
  Integer operator-(Value* o) const { return {*e_, e_->b().CreateSub(value_, o)}; }
  Integer operator*(Value* o) const { return {*e_, e_->b().CreateMul(value_, o)}; }
  Integer operator/(Value* o) const { return {*e_, e_->b().CreateUDiv(value_, o)}; }
  Integer operator+(int64_t o) const { return *this + Constant(o); }
  Integer operator-(int64_t o) const { return *this - Constant(o); }
  Integer operator*(int64_t o) const { return *this * Constant(o); }
  Integer operator/(int64_t o) const { return *this / Constant(o); }
  Integer operator%(int64_t o) const { return {*e_, e_->b().CreateURem(value_, Constant(o))}; }
  // i1.
  Value* operator<(Value* o) const { return e_->b().CreateICmpSLT(value_, o); }
  Value* operator<(int64_t o) const { return *this < Constant(o); }
  Value* operator>(int64_t o) const { return e_->b().CreateICmpSGT(value_, Constant(o)); }
  Value* operator==(int64_t o) const { return e_->b().CreateICmpEQ(value_, Constant(o)); }

 private:
  Value* Constant(int64_t value) const { return e_->Const(value); }

  Emitter* e_;
  Value* value_;
};

}  // namespace lluda::codegen

#endif  // LLUDA_CODEGEN_EMIT_INTEGER_H_
