// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Kernels for those who test, list or run all of them. A kernel takes part by
// one declaration in its <kernel>_conformance.cc:
//
//   const Tested<RopeArgs> kRope({
//       .run = Rope,
//       .expect = RopeExpected,
//       .cases = {{"Llama-3 8B decode", "x=bf16[1,1,32,128] y=bf16"}},
//       .run_device = Rope,
//   });
//
// What links it gets the kernel.

#ifndef TILEWORK_TESTING_TESTED_KERNEL_H_
#define TILEWORK_TESTING_TESTED_KERNEL_H_

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/schema/check_arguments.h"
#include "tilework/common/schema/kernel_description.h"
#include "tilework/common/schema/schema_visitor.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/testing/tensors.h"

namespace tilework {

class DeviceContext;

// A call that the spec names, for benchmarks: tensors and attributes as on the
// command line, "x=bf16[1,4096] y=f32 eps=1e-5". Inputs and outputs whose shape
// follows from earlier tensors need no brackets.
struct ReferenceCase {
  std::string_view name;
  std::string_view arguments;
};

// An argument struct of any kernel.
class AnyArguments {
 public:
  virtual ~AnyArguments() = default;
  virtual void Show(SchemaVisitor& visitor) = 0;
  // What must hold before the kernel runs, on the host or on the device.
  virtual absl::Status Check() const = 0;
  virtual absl::Status CheckOnDevice() const = 0;
  virtual absl::Status Run(HostContext& context) const = 0;
  // Unimplemented if the kernel has no device part.
  virtual absl::Status Run(DeviceContext& context) const = 0;
  // What the outputs should be; before they are written, since they may be
  // inputs too.
  virtual std::vector<ExpectedTensor> Expect() const = 0;
  // Floating-point operations; 0 if memory is all that counts.
  virtual double Flops() const = 0;
};

template <typename Args>
struct KernelTraits {
  absl::Status (*run)(const Args& args, HostContext& context);
  std::vector<ExpectedTensor> (*expect)(const Args& args);
  double (*flops)(const Args& args) = nullptr;
  std::vector<ReferenceCase> cases = {};
  // Whether it runs SIMD functions, so that tests on every target make sense.
  bool simd = true;
  // Its device part; null if there is none.
  absl::Status (*run_device)(const Args& args,
                             DeviceContext& context) = nullptr;
  // More of them on the device, whose memory is faster and whose caches are
  // larger.
  std::vector<ReferenceCase> device_cases = {};
  // Whether the device must give the bits that the host gives, but for those of
  // NaN.
  bool bits_as_host = false;
};

class TestedKernel {
 public:
  virtual ~TestedKernel() = default;
  virtual std::unique_ptr<AnyArguments> NewArguments() const = 0;

  const KernelDescription& description() const { return description_; }
  const std::string& name() const { return description_.name; }
  const std::vector<ReferenceCase>& cases() const { return traits_.cases; }
  // Those, and more.
  std::vector<ReferenceCase> cases_on_device() const {
    std::vector<ReferenceCase> all = traits_.cases;
    all.insert(all.end(), traits_.device_cases.begin(),
               traits_.device_cases.end());
    return all;
  }
  bool simd() const { return traits_.simd; }
  // Whether it has a device part.
  bool on_device() const { return traits_.on_device; }
  bool bits_as_host() const { return traits_.bits_as_host; }

 protected:
  struct Traits {
    std::vector<ReferenceCase> cases;
    std::vector<ReferenceCase> device_cases;
    bool simd;
    bool on_device;
    bool bits_as_host;
  };
  // Adds the kernel to AllTestedKernels().
  TestedKernel(KernelDescription description, Traits traits);

 private:
  KernelDescription description_;
  Traits traits_;
};

// All kernels of the program, by name. After static initialization.
std::vector<const TestedKernel*> AllTestedKernels();

template <typename Args>
class Tested final : public TestedKernel {
 public:
  explicit Tested(const KernelTraits<Args>& traits)
      : TestedKernel(DescribeKernel<Args>(),
                     {.cases = traits.cases,
                      .device_cases = traits.device_cases,
                      .simd = traits.simd,
                      .on_device = traits.run_device != nullptr,
                      .bits_as_host = traits.bits_as_host}),
        traits_(traits) {}

  std::unique_ptr<AnyArguments> NewArguments() const override {
    return std::make_unique<Arguments>(*this);
  }

 private:
  class Arguments final : public AnyArguments {
   public:
    explicit Arguments(const Tested& kernel) : kernel_(kernel) {}

    void Show(SchemaVisitor& visitor) override { Declare(args_, visitor); }
    absl::Status Check() const override { return Validate(args_); }
    absl::Status CheckOnDevice() const override {
      return CheckArguments(args_, MemorySpace::kDevice);
    }
    absl::Status Run(HostContext& context) const override {
      return traits().run(args_, context);
    }
    absl::Status Run(DeviceContext& context) const override {
      if (kernel_.on_device()) return traits().run_device(args_, context);
      return absl::UnimplementedError(
          absl::StrCat(kernel_.name(), " has no device part"));
    }
    std::vector<ExpectedTensor> Expect() const override {
      return traits().expect(args_);
    }
    double Flops() const override {
      return traits().flops == nullptr ? 0 : traits().flops(args_);
    }

   private:
    const KernelTraits<Args>& traits() const { return kernel_.traits_; }

    const Tested& kernel_;
    Args args_;
  };

  KernelTraits<Args> traits_;
};

}  // namespace tilework

#endif  // TILEWORK_TESTING_TESTED_KERNEL_H_
