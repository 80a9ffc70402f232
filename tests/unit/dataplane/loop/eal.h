/* SPDX-License-Identifier: Apache-2.0 */
/* EAL for the loop's tests: no hugepages, no devices, no files. */
#ifndef TEST_LOOP_EAL_H
#define TEST_LOOP_EAL_H

#include <rte_eal.h>

static inline int eal_start(void)
{
	static char words[][20] = {"test",	     "--no-huge",   "--no-pci",
				   "--no-telemetry", "--no-shconf", "--lcores=0@(0-1)",
				   "--log-level=4",  "-m",	    "128"};
	static char *argv[10];

	for (unsigned k = 0; k < sizeof(words) / sizeof(words[0]); k++)
		argv[k] = words[k];
	return rte_eal_init(sizeof(words) / sizeof(words[0]), argv) < 0 ? -1 : 0;
}

#endif
