/* SPDX-License-Identifier: Apache-2.0 */
/* The flags of a TCP header (RFC 9293 3.1, RFC 3168 6.1), for tests: short, for they are many. */
#ifndef WIREMAP_TESTS_FLAGS_H
#define WIREMAP_TESTS_FLAGS_H

enum tcp_flags {
	FIN = 0x01,
	SYN = 0x02,
	RST = 0x04,
	PSH = 0x08,
	ACK = 0x10,
	URG = 0x20,
	ECE = 0x40,
	CWR = 0x80,
};

#endif
