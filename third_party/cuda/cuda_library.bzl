# Copyright 2026 The tilework Authors
# SPDX-License-Identifier: Apache-2.0

"""Compiles CUDA C++ with nvcc."""

load("@bazel_tools//tools/cpp:toolchain_utils.bzl", "find_cpp_toolchain")
load("@tilework_cuda//:toolkit.bzl", "CUDA_HOME", "CUDA_VERSION")

_FLAGS = [
    "-x=cu",
    "-std=c++20",
    "-gencode=arch=compute_90a,code=sm_90a",
    # Constant expressions may be evaluated in kernels too.
    "--expt-relaxed-constexpr",
    # Products and sums are contracted only where the code says so.
    "-fmad=false",
    "-Xcompiler=-ffp-contract=off,-fPIC",
    "-Xptxas=-v",
    # nvcc 13.0 takes the assignment of a status for one that is ignored.
    "-diag-suppress=2810",
]

# In our own code, not in the build of those who depend on it.
_WARNINGS_ARE_ERRORS = ["-Werror=all-warnings"]

_MODE_FLAGS = {
    "dbg": ["-O1", "-g", "-lineinfo"],
    "fastbuild": ["-O3"],
    "opt": ["-O3", "-DNDEBUG"],
}

def _cuda_flag_impl(_ctx):
    return []

cuda_flag = rule(
    implementation = _cuda_flag_impl,
    build_setting = config.bool(flag = True),
)

def _include_flags(context):
    """Include paths; those of other repositories are no source of warnings."""
    flags = []
    for path in depset(transitive = [
        context.quote_includes,
        context.includes,
        context.system_includes,
    ]).to_list():
        is_own = "external/" not in path
        flags.append(("-I" if is_own else "-isystem=") + path)
    return flags

def _compile(ctx, context, source, compiler):
    name = ctx.label.name + "/" + source.basename
    obj = ctx.actions.declare_file(name + ".o")
    report = ctx.actions.declare_file(name + ".ptxas.txt")
    flags = _FLAGS + _MODE_FLAGS[ctx.var["COMPILATION_MODE"]]
    if not ctx.label.workspace_name:
        flags += _WARNINGS_ARE_ERRORS
    flags.append("-ccbin=" + compiler)
    flags += ["-D" + define for define in context.defines.to_list()]
    flags += _include_flags(context)
    ctx.actions.run(
        executable = ctx.executable._compile,
        arguments = [
            report.path,
            "|".join(ctx.attr.slow_kernels),
            CUDA_HOME + "/bin/nvcc",
        ] + flags + ["-c", source.path, "-o", obj.path],
        env = {
            # Another toolkit compiles anew.
            "CUDA_VERSION": CUDA_VERSION,
            "PATH": "/usr/local/bin:/usr/bin:/bin",
        },
        inputs = depset([source], transitive = [context.headers]),
        mnemonic = "CudaCompile",
        outputs = [obj, report],
        progress_message = "Compiling %s for the GPU" % source.short_path,
    )
    return obj, report

def _cuda_library_impl(ctx):
    if not CUDA_HOME:
        fail("no CUDA toolkit was found: set CUDA_HOME to the folder that has " +
             "its bin/nvcc, or build without --config=cuda")
    toolchain = find_cpp_toolchain(ctx)
    features = cc_common.configure_features(
        ctx = ctx,
        cc_toolchain = toolchain,
        requested_features = ctx.features,
        unsupported_features = ctx.disabled_features,
    )
    compiler = cc_common.get_tool_for_action(
        action_name = "c++-compile",
        feature_configuration = features,
    )
    dependencies = cc_common.merge_cc_infos(
        cc_infos = [dep[CcInfo] for dep in ctx.attr.deps],
    )
    context = dependencies.compilation_context
    results = [_compile(ctx, context, src, compiler) for src in ctx.files.srcs]
    objects = depset([obj for obj, _ in results])
    linking_context, linking_outputs = \
        cc_common.create_linking_context_from_compilation_outputs(
            actions = ctx.actions,
            alwayslink = ctx.attr.alwayslink,
            cc_toolchain = toolchain,
            compilation_outputs = cc_common.create_compilation_outputs(
                objects = objects,
                pic_objects = objects,
            ),
            disallow_dynamic_library = True,
            feature_configuration = features,
            linking_contexts = [
                dependencies.linking_context,
                ctx.attr._cudart[CcInfo].linking_context,
            ],
            name = ctx.label.name,
        )
    library = linking_outputs.library_to_link
    archives = [
        archive
        for archive in [library.static_library, library.pic_static_library]
        if archive
    ]
    return [
        DefaultInfo(files = depset(archives)),
        CcInfo(
            compilation_context = context,
            linking_context = linking_context,
        ),
        OutputGroupInfo(ptxas = depset([report for _, report in results])),
    ]

cuda_library = rule(
    doc = """A library of CUDA C++ for sm_90a, with the CUDA runtime.

What ptxas reports of each kernel is in the output group "ptxas". A kernel that
spills registers, has a stack frame or serializes wgmma is an error.""",
    implementation = _cuda_library_impl,
    attrs = {
        "alwayslink": attr.bool(),
        "deps": attr.label_list(providers = [CcInfo]),
        "slow_kernels": attr.string_list(
            doc = "Kernels, by a part of their name, of which that is known.",
        ),
        "srcs": attr.label_list(allow_files = [".cc"]),
        "_cc_toolchain": attr.label(
            default = "@bazel_tools//tools/cpp:current_cc_toolchain",
        ),
        "_compile": attr.label(
            cfg = "exec",
            default = "//third_party/cuda:compile",
            executable = True,
        ),
        "_cudart": attr.label(default = "@tilework_cuda//:cudart"),
    },
    fragments = ["cpp"],
    toolchains = ["@bazel_tools//tools/cpp:toolchain_type"],
)
