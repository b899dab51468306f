# Copyright 2026 The tilework Authors
# SPDX-License-Identifier: Apache-2.0

"""One archive of programs for a GPU machine that has no Bazel."""

def _device_bundle_impl(ctx):
    if not ctx.attr.cuda:
        fail("//tools:device_bundle is for GPUs: build it with --config=cuda")
    cc_toolchain = ctx.attr._cc_toolchain[cc_common.CcToolchainInfo]
    archive = ctx.actions.declare_file(ctx.label.name + ".tar.gz")
    folder = ctx.label.name

    # What suites hold comes as their runfiles.
    tests = depset(transitive = [
        suite[DefaultInfo].data_runfiles.files
        for suite in ctx.attr.suites
    ]).to_list()
    members = [("tests/" + test.short_path, test) for test in tests]
    members += [(program.basename, program) for program in ctx.files.programs]
    members += [(script.basename, script) for script in ctx.files.scripts]
    args = ctx.actions.args()
    args.add_all([archive, folder, cc_toolchain.strip_executable])
    for name, file in members:
        args.add_all([name, file])
    ctx.actions.run(
        executable = ctx.executable._pack,
        arguments = [args],
        inputs = depset(
            [file for _, file in members],
            transitive = [cc_toolchain.all_files],
        ),
        mnemonic = "DeviceBundle",
        outputs = [archive],
        progress_message = "Packing %d tests for the GPU" % len(tests),
        use_default_shell_env = True,
    )
    return [DefaultInfo(files = depset([archive]))]

device_bundle = rule(
    implementation = _device_bundle_impl,
    attrs = {
        "cuda": attr.bool(doc = "Whether this is a build with --config=cuda."),
        "programs": attr.label_list(doc = "Programs beside the tests."),
        "scripts": attr.label_list(allow_files = True),
        "suites": attr.label_list(doc = "The test_suites whose tests it has."),
        "_cc_toolchain": attr.label(
            default = "@bazel_tools//tools/cpp:current_cc_toolchain",
        ),
        "_pack": attr.label(
            cfg = "exec",
            default = "//tools/device_bundle:pack",
            executable = True,
        ),
    },
    doc = "Packs stripped programs and scripts into NAME.tar.gz.",
    toolchains = ["@bazel_tools//tools/cpp:toolchain_type"],
)
