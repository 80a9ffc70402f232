/* SPDX-License-Identifier: Apache-2.0 */
#include "tcp.h"

#include <rte_byteorder.h>
#include <rte_icmp.h>
#include <rte_ip.h>
#include <rte_tcp.h>

#include "connection.h"
#include "mtu.h"

enum icmp {
	UNREACHABLE = 3,
	UNREACHABLE_PROTOCOL = 2,
	UNREACHABLE_PORT = 3,
	FRAGMENTATION_NEEDED = 4,
	QUOTED_TCP_BYTES = 8, /* all that RFC 792 promises: ports and sequence */
};

/* The connection whose segment is quoted, if that segment may be on its way now (RFC 5927 4.1:
 * else it was made up by one who does not see our segments). */
static struct connection *quoted_connection(struct tcp *tcp, struct span quoted, uint32_t *bytes_r,
					    uint32_t *seq_r)
{
	struct rte_ipv4_hdr ip;
	struct rte_tcp_hdr header;
	struct connection *c;
	struct tuple tuple;
	uint32_t seq;
	size_t bytes;

	if (quoted.len < sizeof(ip))
		return NULL;
	memcpy(&ip, quoted.ptr, sizeof(ip));
	bytes = (ip.version_ihl & 0xfU) * 4U;
	if (bytes < sizeof(ip) || ip.next_proto_id != IPPROTO_TCP ||
	    quoted.len < bytes + QUOTED_TCP_BYTES)
		return NULL;
	memcpy(&header, quoted.ptr + bytes, QUOTED_TCP_BYTES);
	tcp_address_map(tuple.local, ip.src_addr);
	tcp_address_map(tuple.peer, ip.dst_addr);
	tuple.local_port = rte_be_to_cpu_16(header.src_port);
	tuple.peer_port = rte_be_to_cpu_16(header.dst_port);
	seq = rte_be_to_cpu_32(header.sent_seq);
	c = tcp_connection_find(tcp, &tuple, tcp_tuple_hash(tcp, &tuple));
	if (c == NULL || seq_lt(seq, c->snd_una) || seq_ge(seq, c->snd_nxt))
		return NULL;
	*bytes_r = rte_be_to_cpu_16(ip.total_length);
	*seq_r = seq;
	return c;
}

void tcp_icmp(struct tcp *tcp, uint8_t type, uint8_t code, uint32_t mtu, struct span quoted)
{
	struct connection *c;
	uint32_t bytes, seq;

	if (type != UNREACHABLE) {
		tcp->stats.icmp_soft++;
		return;
	}
	tcp_clock_take(tcp);
	c = quoted_connection(tcp, quoted, &bytes, &seq);
	if (c == NULL) {
		tcp->stats.icmp_disbelieved++;
		return;
	}
	if (code == FRAGMENTATION_NEEDED && c->state >= ESTABLISHED)
		tcp_mtu_claim(tcp, c, mtu, bytes, seq);
	/* RFC 5927 5.2: no error ends a connection that is established. */
	else if (c->state == SYN_SENT && (code == UNREACHABLE_PORT || code == UNREACHABLE_PROTOCOL))
		tcp_connection_end(tcp, c, STREAM_REFUSED);
	else
		tcp->stats.icmp_soft++;
}
