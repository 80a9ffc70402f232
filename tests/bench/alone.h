/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ALONE: a function that stays whole and under its own name, so that valgrind can be told
 * to count what runs below it. GCC would clone it; clang, which has no word for that, does not.
 */
#ifndef WIREMAP_TESTS_BENCH_ALONE_H
#define WIREMAP_TESTS_BENCH_ALONE_H

#if defined(__clang__)
#define ALONE __attribute__((noinline))
#else
#define ALONE __attribute__((noipa))
#endif

#endif
