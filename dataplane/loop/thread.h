/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Starting the loop's threads: named, pinned, and deaf to signals, which belong to the control
 * thread. Control thread.
 */
#ifndef LOOP_THREAD_H
#define LOOP_THREAD_H

#include <pthread.h>

/* `name` is cut at 15 characters. No `cpus`: inherits the caller's. 0 or -errno; -EINVAL: none of
 * the CPUs may be used by this process. */
int loop_thread_start(pthread_t *thread_r, const char *name, const unsigned *cpus, unsigned cpus_n,
		      void *(*run)(void *), void *arg);

#endif
