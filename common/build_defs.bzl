# Copyright 2026 The tilework Authors
# SPDX-License-Identifier: Apache-2.0

"""The macros from which tilework's BUILD files are made.

They set what must hold everywhere: headers are included as
"tilework/<package>/<file>.h", products and sums are contracted only where the
code says so, and everything compiler-related stays private to the target.
"""

load("//third_party/cuda:cuda_library.bzl", "cuda_library")

# The tag of tests that run on the GPU; //tools:device_bundle has them all. Those
# tagged "emulator" are about the emulator and left out with --config=cuda.
_DEVICE_TAG = "device"

_COPTS = [
    "-Wall",
    "-Wextra",
    # Designated initializers name only what differs from the default.
    "-Wno-missing-field-initializers",
    "-Wextra-semi",
    "-Wnon-virtual-dtor",
    "-Wvla",
    "-ffp-contract=off",
]

# The x86 targets that are compiled: the compiler's baseline, AVX2, AVX3,
# AVX3_ZEN4 (for its bf16 dot product) and AVX3_SPR. The ones in between cost
# compile time and size for little speed.
_DISABLED_TARGETS = "HWY_SSSE3|HWY_SSE4|HWY_AVX3_DL"

def tilework_cc_library(name, copts = [], **kwargs):
    """A cc_library whose headers are "tilework/<package>/<file>.h".

    Args:
      name: of the target.
      copts: more compiler options, private to this target.
      **kwargs: all else, as for cc_library.
    """
    native.cc_library(
        name = name,
        copts = _COPTS + copts,
        include_prefix = "tilework/" + native.package_name(),
        # One archive of each library is enough: our tests link statically.
        linkstatic = True,
        **kwargs
    )

def tilework_simd_library(
        name,
        srcs,
        local_defines = [],
        simd_deps = [],
        testonly = False,
        **kwargs):
    """A library of Highway code, and a twin with all targets for tests.

    The sources may re-include themselves through foreach_target.h:
    #define HWY_TARGET_INCLUDE "tilework/<package>/<file>.cc"

    Args:
      name: of the library. The testonly twin is called <name>_all_targets;
        it also has the targets below the compiler's baseline.
      srcs: the sources.
      local_defines: more definitions, private to this target.
      simd_deps: libraries made by this macro, whose twins the twin needs.
      testonly: whether the library itself is for tests only.
      **kwargs: all else, as for tilework_cc_library.
    """

    # Gives the sources the same prefix as headers.
    tilework_cc_library(
        name = name + "_reincluded",
        testonly = testonly,
        hdrs = srcs,
        visibility = ["//visibility:private"],
    )
    deps = kwargs.pop("deps", []) + [":" + name + "_reincluded"]
    tilework_cc_library(
        name = name,
        testonly = testonly,
        srcs = srcs,
        local_defines = local_defines + [
            "HWY_DISABLED_TARGETS=(%s)" % _DISABLED_TARGETS,
        ],
        deps = deps + simd_deps,
        **kwargs
    )
    tilework_cc_library(
        name = name + "_all_targets",
        testonly = True,
        srcs = srcs,
        local_defines = local_defines + [
            "HWY_COMPILE_ALL_ATTAINABLE",
            # One-lane vectors cannot express what the kernels do.
            "HWY_DISABLED_TARGETS=(HWY_SCALAR|%s)" % _DISABLED_TARGETS,
        ],
        deps = deps + [dep + "_all_targets" for dep in simd_deps],
        **kwargs
    )

def tilework_device_library(
        name,
        srcs,
        hdrs = [],
        deps = [],
        slow_kernels = [],
        alwayslink = False,
        testonly = False,
        tags = [],
        visibility = None):
    """A library of device code, *.cu.cc: kernels and what launches them.

    With --config=cuda nvcc compiles it, else the host's compiler against the
    emulator.

    Args:
      name: of the library.
      srcs: the sources, CUDA C++ as common/device describes it.
      hdrs: the headers.
      deps: what they include.
      slow_kernels: those, by a part of their name, that may use local memory, or
        whose wgmma may wait for one another.
      alwayslink: as for cc_library.
      testonly: as for all targets.
      tags: as for all targets; "emulator" where nvcc need not compile it.
      visibility: as for all targets.
    """
    if hdrs:
        tilework_cc_library(
            name = name + "_headers",
            testonly = testonly,
            hdrs = hdrs,
            visibility = visibility,
            deps = deps,
        )
        deps = deps + [":%s_headers" % name]
    common = dict(
        srcs = srcs,
        alwayslink = alwayslink,
        # Only the one that is chosen is built.
        tags = ["manual"],
        testonly = testonly,
        visibility = visibility,
        deps = deps,
    )
    tilework_cc_library(
        name = name + "_emulated",
        copts = [
            # Tensor maps are passed by value.
            "-Wno-psabi",
            # Loops are unrolled for nvcc.
            "-Wno-unknown-pragmas",
            # What a GPU traps, or does wrong without a word: the emulator makes
            # the trap a fault of the launch.
            "-fsanitize=alignment,bounds",
            "-fsanitize-undefined-trap-on-error",
        ],
        **common
    )
    cuda_library(name = name + "_cuda", slow_kernels = slow_kernels, **common)
    native.alias(
        name = name,
        actual = select({
            "//third_party/cuda:enabled": ":%s_cuda" % name,
            "//conditions:default": ":%s_emulated" % name,
        }),
        tags = tags,
        testonly = testonly,
        visibility = visibility,
    )

def tilework_device_test(
        name,
        srcs,
        deps = [],
        slow_kernels = [],
        tags = [],
        **kwargs):
    """A test whose sources, *.cu.cc, may have device code.

    Args:
      name: of the test.
      srcs: the sources.
      deps: what they include; GoogleTest is added.
      slow_kernels: as for tilework_device_library.
      tags: as for cc_test; "emulator" if no GPU can run it.
      **kwargs: all else, as for cc_test.
    """
    tilework_device_library(
        name = name + "_code",
        testonly = True,
        srcs = srcs,
        deps = deps + ["@com_google_googletest//:gtest"],
        alwayslink = True,
        slow_kernels = slow_kernels,
        tags = tags,
    )
    tilework_test(
        name = name,
        srcs = [],
        tags = tags + [_DEVICE_TAG],
        deps = [":%s_code" % name],
        **kwargs
    )

def tilework_device_tests():
    """A test_suite, device_tests: the tests of the package that a GPU can run."""
    native.test_suite(
        name = "device_tests",
        tags = [_DEVICE_TAG, "-emulator"],
        visibility = ["//tools:__pkg__"],
    )

def tilework_test(name, srcs, deps = [], copts = [], **kwargs):
    """A cc_test on GoogleTest and GoogleMock, with their main function.

    Args:
      name: of the test.
      srcs: the sources.
      deps: what is tested; GoogleTest is added.
      copts: more compiler options.
      **kwargs: all else, as for cc_test.
    """
    native.cc_test(
        name = name,
        srcs = srcs,
        copts = _COPTS + copts,
        linkstatic = True,
        deps = deps + ["@com_google_googletest//:gtest_main"],
        **kwargs
    )

def tilework_binary(name, srcs, copts = [], **kwargs):
    """A cc_binary with the project's compiler options.

    Args:
      name: of the program.
      srcs: the sources.
      copts: more compiler options.
      **kwargs: all else, as for cc_binary.
    """
    native.cc_binary(
        name = name,
        srcs = srcs,
        copts = _COPTS + copts,
        **kwargs
    )

def tilework_benchmark(name, srcs, deps = [], copts = [], **kwargs):
    """A Google Benchmark. As a test it runs everything once, so that it works.

    To measure, run it: bazel run //kernels/rope:rope_benchmark

    Args:
      name: of the benchmark.
      srcs: the sources.
      deps: what is measured; Google Benchmark is added.
      copts: more compiler options.
      **kwargs: all else, as for cc_test.
    """
    native.cc_test(
        name = name,
        srcs = srcs,
        args = ["--benchmark_min_time=1x"],
        copts = _COPTS + copts,
        linkstatic = True,
        # Their threads spin: other tests beside them would make both slow.
        tags = ["cpu:2"],
        deps = deps + ["@com_google_benchmark//:benchmark_main"],
        **kwargs
    )

def tilework_kernel(
        name,
        deps,
        host_srcs = None,
        test_deps = [],
        benchmark_deps = [],
        device_srcs = None,
        device_deps = [],
        visibility = ["//visibility:public"],
        **kwargs):
    """One kernel: <name>.h, <name>.cc, <name>_host.cc, its test and benchmark.

    <name>.cc checks the arguments and has no SIMD; the host sources are Highway
    code, the device sources CUDA C++. The targets are:
      <name>: everything there is of the kernel.
      <name>_host: the host part, without CUDA.
      <name>_device: the device part, if there are sources of it.
      <name>_oracle: <name>_oracle.h, testonly, for other kernels' tests too.
      <name>_test: <name>_test.cc, on every SIMD target.
      <name>_conformance: <name>_conformance.cc, which names the kernel to
        those who test, list or measure all of them.
      <name>_kit_test: what every kernel must pass.
      <name>_device_test: the same on the device.
      <name>_benchmark: <name>_benchmark.cc.

    Args:
      name: of the kernel.
      deps: of the header, the checking and the host code.
      host_srcs: default ["<name>_host.cc"].
      test_deps: what oracle and test need beyond deps and //testing.
      benchmark_deps: what the benchmark needs beyond deps.
      device_srcs: default ["<name>_device.cu.cc"] if there is such a file.
      device_deps: what they need beyond deps.
      visibility: of the library targets.
      **kwargs: all else for the library targets, such as textual_hdrs.
    """
    tilework_cc_library(
        name = name + "_check",
        srcs = [name + ".cc"],
        hdrs = [name + ".h"],
        visibility = ["//:__subpackages__"],
        deps = deps,
    )
    tilework_simd_library(
        name = name + "_host",
        srcs = host_srcs or [name + "_host.cc"],
        visibility = visibility,
        deps = deps + [":" + name + "_check"],
        **kwargs
    )
    device_srcs = device_srcs or native.glob([name + "_device.cu.cc"])
    parts = [":" + name + "_host"]
    if device_srcs:
        parts.append(":" + name + "_device")
        tilework_device_library(
            name = name + "_device",
            srcs = device_srcs,
            visibility = visibility,
            deps = deps + device_deps + [
                ":" + name + "_check",
                "//common/device",
                "//common/schema:device_call",
            ],
        )
    if len(parts) == 1:
        native.alias(
            name = name,
            actual = parts[0],
            visibility = visibility,
        )
    else:
        native.cc_library(
            name = name,
            visibility = visibility,
            deps = parts,
        )
    tilework_cc_library(
        name = name + "_oracle",
        testonly = True,
        hdrs = [name + "_oracle.h"],
        visibility = ["//:__subpackages__"],
        deps = deps + test_deps + [
            ":" + name + "_check",
            "//testing",
        ],
    )
    tilework_test(
        name = name + "_test",
        srcs = [name + "_test.cc"],
        deps = deps + test_deps + [
            ":" + name + "_check",
            ":" + name + "_host_all_targets",
            ":" + name + "_oracle",
            "//testing",
        ],
    )
    tilework_benchmark(
        name = name + "_benchmark",
        srcs = [name + "_benchmark.cc"],
        deps = deps + benchmark_deps + [":" + name],
    )
    if native.glob([name + "_conformance.cc"]):
        _kernel_kit(name, deps + test_deps, parts)

def _kernel_kit(name, deps, parts):
    """The tests that a kernel gets from its schema and its oracle."""
    device = parts[1:]
    tilework_cc_library(
        name = name + "_conformance",
        testonly = True,
        srcs = [name + "_conformance.cc"],
        visibility = ["//:__subpackages__"],
        deps = deps + [
            ":" + name + "_check",
            ":" + name + "_oracle",
            "//testing:kernel_kit",
        ] + device,
        alwayslink = True,
    )
    tilework_test(
        name = name + "_kit_test",
        srcs = [],
        deps = [
            ":" + name + "_conformance",
            ":" + name + "_host_all_targets",
            "//testing:kernel_kit_tests",
        ],
    )
    if device:
        tilework_test(
            name = name + "_device_test",
            srcs = [],
            tags = [_DEVICE_TAG],
            # In the order in which the linker must see them.
            deps = [":" + name + "_conformance"] + parts + [
                "//testing:kernel_kit_device_tests",
            ],
        )

def tilework_family(name, kernels):
    """The targets of a whole package, for all its kernels: <name>, host, device
    if it has one, conformance, which names them to the `tilework` program, and
    device_tests.

    Args:
      name: of the package; left out if one of the kernels is called so.
      kernels: names given to tilework_kernel.
    """
    native.cc_library(
        name = "host",
        visibility = ["//visibility:public"],
        deps = [":%s_host" % kernel for kernel in kernels],
    )
    with_device = [
        kernel
        for kernel in kernels
        if native.glob([kernel + "_device.cu.cc"])
    ]
    if with_device:
        native.cc_library(
            name = "device",
            visibility = ["//visibility:public"],
            deps = [":%s_device" % kernel for kernel in with_device],
        )
    native.cc_library(
        name = "conformance",
        testonly = True,
        visibility = ["//:__subpackages__"],
        deps = [
            target
            for kernel in kernels
            if native.glob([kernel + "_conformance.cc"])
            for target in [":%s_conformance" % kernel, ":" + kernel]
        ],
    )
    tilework_device_tests()
    if name not in kernels:
        native.cc_library(
            name = name,
            visibility = ["//visibility:public"],
            deps = [":" + kernel for kernel in kernels],
        )
