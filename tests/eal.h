/* SPDX-License-Identifier: Apache-2.0 */
/*
 * EAL for tests that need its memory only: no hugepages, no devices, no files left behind, any
 * number of processes at once. Main thread, once per program.
 */
#ifndef WIREMAP_TESTS_EAL_H
#define WIREMAP_TESTS_EAL_H

#include <rte_eal.h>
#include <sched.h>
#include <stdio.h>

/* 0, or -1 when EAL does not start. `memory_mb` is all that rte_malloc will ever have. */
static inline int eal_start(unsigned memory_mb)
{
	char megabytes[16];
	char *args[] = {(char[]){"test"},
			(char[]){"--no-huge"},
			(char[]){"--no-pci"},
			(char[]){"--no-shconf"},
			(char[]){"--no-telemetry"},
			(char[]){"--log-level=error"},
			(char[]){"--lcores=0@0"},
			(char[]){"-m"},
			megabytes};

	cpu_set_t cpus;
	int status;

	snprintf(megabytes, sizeof(megabytes), "%u", memory_mb);
	/* EAL pins its main thread; tests run side by side wherever there is room. */
	sched_getaffinity(0, sizeof(cpus), &cpus);
	status = rte_eal_init(sizeof(args) / sizeof(args[0]), args);
	sched_setaffinity(0, sizeof(cpus), &cpus);
	return status < 0 ? -1 : 0;
}

#endif
