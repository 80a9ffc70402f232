/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames to net to TCP to an application, and back. The input is a script; each step is a byte
 * that says what it is, and fields:
 *
 *   RAW       a frame of any bytes
 *   SLEEP     time, up to minutes
 *   ACT       the application says something of itself
 *   ICMP      an error about a segment of ours
 *   FRAGMENTS a segment in pieces, not all of which need come
 *   SEGMENT   one whose numbers begin at those of the connection, so that they need not be guessed
 *
 * Whatever comes: the invariants of tests/sim hold, the witness's connection works on, and when
 * all is over nothing is left.
 */
#include <rte_ip.h>
#include <rte_tcp.h>

#include "check.h"
#include "input.h"
#include "stack.h"

enum step { RAW, SLEEP, ACT, ICMP, FRAGMENTS, SEGMENT };

enum {
	STEPS_MAX = 256,
	SLEEP_MS_MAX = 10 * 60 * 1000, /* in all */
	LINK = 14,
	IP_BYTES = 20,
	TCP_BYTES = 20,
	ICMP_BYTES = 8,
	OPTIONS_MAX = 40,
	PAYLOAD_MAX = 1460,
	FRAME_MAX = 2048,
	/* With the step. */
	STEP_BITS = 7,
	STEP_WAITS = 8, /* for the next, to come in one burst with it */
	STEP_OLD = 16,	/* a segment acknowledges nothing new */
	STEP_LONG = 32, /* a sleep */
	/* What of a segment is not as it should be. */
	ODD_SEQ = 1,
	ODD_ACK = 2,
	ODD_WINDOW = 4,
	ODD_OPTIONS = 8, /* any bytes */
	HAS_STAMP = 16,	 /* timestamps as they should be */
	HAS_SACK = 32,	 /* blocks near to what is acknowledged */
	HAS_PAYLOAD = 64,
	ODD_BYTE = 128, /* of the headers, and the parts of the frame */
	/* What of a packet in two fragments comes, and how. */
	PIECE_FIRST = 1,
	PIECE_SECOND = 2,
	PIECE_TURNED = 4,   /* the second first */
	PIECE_TWICE = 8,    /* the first */
	PIECE_OVERLAP = 16, /* by eight bytes */
	/* How a raw frame comes. */
	RAW_CHECKSUMS_GOOD = 1, /* the device says so */
	RAW_IP_CHECKSUM = 2,	/* made right */
	RAW_STRIPPED = 4,	/* of its VLAN tag */
};

struct frame {
	uint8_t at[FRAME_MAX];
	size_t len;
	size_t part;
};

static uint32_t slept_ms;

static void put16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static void put32(uint8_t *at, uint32_t value)
{
	put16(at, value >> 16);
	put16(at + 2, value);
}

static uint32_t take_offset(struct input *in)
{
	return (uint32_t)(int16_t)input_take(in, 2);
}

/* --- Packets --- */

/* Link and IPv4 headers before `len` bytes. */
static void headers_write(struct frame *frame, uint32_t src, uint8_t protocol, size_t len)
{
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)(frame->at + LINK);

	memcpy(frame->at, our_mac, sizeof(our_mac));
	memcpy(frame->at + 6, (const uint8_t[]){2, 0, 0, 0, 0, 2, 8, 0}, 8);
	*ip = (struct rte_ipv4_hdr){.version_ihl = RTE_IPV4_VHL_DEF,
				    .total_length = rte_cpu_to_be_16((uint16_t)(IP_BYTES + len)),
				    .time_to_live = 64,
				    .next_proto_id = protocol,
				    .src_addr = rte_cpu_to_be_32(src),
				    .dst_addr = rte_cpu_to_be_32(US)};
	ip->hdr_checksum = rte_ipv4_cksum(ip);
	frame->len = LINK + IP_BYTES + len;
}

static size_t stamp_write(uint8_t *at, const struct end *end)
{
	memcpy(at, (const uint8_t[]){1, 1, 8, 10}, 4);
	put32(at + 4, stack_now_ms());
	put32(at + 8, end->stamp);
	return 12;
}

/* Up to four blocks, each by where it begins beyond what is acknowledged, and its length. */
static size_t sack_write(uint8_t *at, const struct end *end, size_t room, struct input *in)
{
	const size_t n = RTE_MIN(1 + input_take(in, 1) % 4, (room - 4) / 8);

	memcpy(at, (const uint8_t[]){1, 1, 5, (uint8_t)(2 + 8 * n)}, 4);
	for (size_t k = 0; k < n; k++) {
		const uint32_t start = end->acked + take_offset(in);

		put32(at + 4 + 8 * k, start);
		put32(at + 8 + 8 * k, start + input_take(in, 2));
	}
	return 4 + 8 * n;
}

static size_t options_write(uint8_t *at, const struct end *end, uint8_t odd, struct input *in)
{
	size_t len = 0;

	if (odd & HAS_STAMP)
		len += stamp_write(at, end);
	if (odd & HAS_SACK)
		len += sack_write(at + len, end, OPTIONS_MAX - len, in);
	if (odd & ODD_OPTIONS)
		len += input_copy(in, at + len,
				  RTE_MIN(input_take(in, 1), (size_t)(OPTIONS_MAX - len)));
	return (len + 3) / 4 * 4; /* padded with what ends the list */
}

static size_t payload_write(uint8_t *at, uint32_t seq, size_t len)
{
	for (size_t k = 0; k < len; k++)
		at[k] = (uint8_t)((seq + k) * 31);
	return len;
}

/* A segment of an end; with HAS_PAYLOAD of so many bytes, each a function of its sequence. */
static void segment_write(struct frame *frame, uint8_t step, struct input *in)
{
	struct end *end = stack_end(input_take(in, 1));
	const uint8_t odd = (uint8_t)input_take(in, 1), flags = (uint8_t)input_take(in, 1);
	uint8_t *at = frame->at + LINK + IP_BYTES;
	struct rte_tcp_hdr *header = (struct rte_tcp_hdr *)at;
	uint32_t seq = end->seq, ack = step & STEP_OLD ? end->acked : end->ack;
	size_t options, len;

	memset(frame, 0, sizeof(*frame));
	if (odd & ODD_SEQ)
		seq += take_offset(in);
	if (odd & ODD_ACK)
		ack += take_offset(in);
	if ((flags & RTE_TCP_ACK_FLAG) && (int32_t)(ack - end->acked) > 0)
		end->acked = ack;
	*header = (struct rte_tcp_hdr){
		.src_port = rte_cpu_to_be_16(end->port),
		.dst_port = RTE_BE16(SERVICE),
		.sent_seq = rte_cpu_to_be_32(seq),
		.recv_ack = rte_cpu_to_be_32(flags & RTE_TCP_ACK_FLAG ? ack : 0),
		.tcp_flags = flags,
		.rx_win =
			rte_cpu_to_be_16((uint16_t)(odd & ODD_WINDOW ? input_take(in, 2) : 65535)),
	};
	options = options_write(at + TCP_BYTES, end, odd, in);
	header->data_off = (uint8_t)((TCP_BYTES + options) / 4 << 4);
	len = odd & HAS_PAYLOAD ? input_take(in, 2) % (PAYLOAD_MAX + 1 - options) : 0;
	len = payload_write(at + TCP_BYTES + options, seq, len);
	headers_write(frame, end->ip, IPPROTO_TCP, TCP_BYTES + options + len);
	header->cksum = rte_ipv4_udptcp_cksum((struct rte_ipv4_hdr *)(frame->at + LINK), header);
	if (odd & ODD_BYTE) {
		const size_t place = input_take(in, 1);

		frame->at[place % (LINK + IP_BYTES + TCP_BYTES + options)] ^=
			(uint8_t)input_take(in, 1);
		frame->part = input_take(in, 1);
	}
}

/* --- Steps --- */

static void step_raw(struct input *in)
{
	const uint8_t how = (uint8_t)input_take(in, 1), part = (uint8_t)input_take(in, 1);
	struct frame frame;
	uint64_t ol_flags = 0;

	frame.len = input_take(in, 2) % FRAME_MAX;
	frame.len = input_copy(in, frame.at, frame.len);
	if (how & RAW_IP_CHECKSUM)
		frame_ip_checksum(frame.at, frame.len);
	if (how & RAW_CHECKSUMS_GOOD)
		ol_flags |= RTE_MBUF_F_RX_IP_CKSUM_GOOD | RTE_MBUF_F_RX_L4_CKSUM_GOOD;
	if (how & RAW_STRIPPED)
		ol_flags |= RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_RX_VLAN_STRIPPED;
	stack_frame(frame.at, frame.len, part, ol_flags);
}

static void step_sleep(uint8_t step, struct input *in)
{
	uint32_t ms = input_take(in, 2) * (step & STEP_LONG ? 100 : 1);

	ms = RTE_MIN(ms, SLEEP_MS_MAX - slept_ms);
	slept_ms += ms;
	stack_sleep(ms);
}

static void step_act(struct input *in)
{
	const uint32_t number = input_take(in, 1), act = input_take(in, 1) % (ACTS + 1);

	if (act == ACTS)
		stack_witness();
	else
		stack_act(number, (enum act)act, input_take(in, 2));
}

/* An error about a segment of ours to an end, at a sequence near to what it has acknowledged. The
 * end itself or a router says so. */
static void step_icmp(struct input *in)
{
	const struct end *end = stack_end(input_take(in, 1));
	const uint8_t type = (uint8_t)input_take(in, 1), code = (uint8_t)input_take(in, 1);
	struct frame frame = {.len = 0};
	uint8_t *icmp = frame.at + LINK + IP_BYTES;
	struct rte_ipv4_hdr *quoted = (struct rte_ipv4_hdr *)(icmp + ICMP_BYTES);
	uint8_t *segment = (uint8_t *)(quoted + 1);

	icmp[0] = type & 0x40 ? 3 : type & 0x3f;
	icmp[1] = type & 0x40 ? 4 : code;
	put16(icmp + 6, input_take(in, 2));
	put16(segment, SERVICE);
	put16(segment + 2, end->port);
	put32(segment + 4, end->acked + take_offset(in));
	*quoted =
		(struct rte_ipv4_hdr){.version_ihl = RTE_IPV4_VHL_DEF,
				      .total_length = rte_cpu_to_be_16((uint16_t)input_take(in, 2)),
				      .time_to_live = 64,
				      .next_proto_id = IPPROTO_TCP,
				      .src_addr = rte_cpu_to_be_32(US),
				      .dst_addr = rte_cpu_to_be_32(end->ip)};
	quoted->hdr_checksum = rte_ipv4_cksum(quoted);
	headers_write(&frame, type & 0x80 ? 0x0a0000fe : end->ip, IPPROTO_ICMP,
		      ICMP_BYTES + IP_BYTES + 8);
	put16(icmp + 2,
	      (uint16_t)~rte_be_to_cpu_16(rte_raw_cksum(icmp, ICMP_BYTES + IP_BYTES + 8)));
	stack_frame(frame.at, frame.len, 0, 0);
}

static void piece_send(const struct frame *frame, uint8_t id, size_t start, size_t end)
{
	struct frame piece = *frame;
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)(piece.at + LINK);
	const bool more = LINK + IP_BYTES + end < frame->len;

	ip->packet_id = id;
	ip->fragment_offset = rte_cpu_to_be_16((uint16_t)(start / 8 | (more ? 0x2000 : 0)));
	ip->total_length = rte_cpu_to_be_16((uint16_t)(IP_BYTES + end - start));
	memmove(piece.at + LINK + IP_BYTES, piece.at + LINK + IP_BYTES + start, end - start);
	frame_ip_checksum(piece.at, piece.len);
	stack_frame(piece.at, LINK + IP_BYTES + end - start, frame->part, 0);
}

static void step_fragments(uint8_t step, struct input *in)
{
	const uint8_t how = (uint8_t)input_take(in, 1), id = (uint8_t)input_take(in, 1);
	size_t cut = input_take(in, 1) * 8, from, len;
	struct frame frame;

	segment_write(&frame, step, in);
	len = frame.len - LINK - IP_BYTES;
	cut = RTE_MIN(cut, len / 8 * 8);
	from = how & PIECE_OVERLAP && cut >= 8 ? cut - 8 : cut;
	if ((how & PIECE_SECOND) && (how & PIECE_TURNED))
		piece_send(&frame, id, from, len);
	for (int times = 0; times < !!(how & PIECE_FIRST) + !!(how & PIECE_TWICE); times++)
		piece_send(&frame, id, 0, cut);
	if ((how & PIECE_SECOND) && !(how & PIECE_TURNED))
		piece_send(&frame, id, from, len);
}

static void step_take(uint8_t step, struct input *in)
{
	struct frame frame;

	switch (step & STEP_BITS) {
	case RAW:
		step_raw(in);
		break;
	case SLEEP:
		step_sleep(step, in);
		break;
	case ACT:
		step_act(in);
		break;
	case ICMP:
		step_icmp(in);
		break;
	case FRAGMENTS:
		step_fragments(step, in);
		break;
	default:
		segment_write(&frame, step, in);
		stack_frame(frame.at, frame.len, frame.part, 0);
		break;
	}
	if (!(step & STEP_WAITS))
		stack_turn();
}

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	stack_create();
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, size};

	slept_ms = 0;
	stack_begin();
	for (unsigned k = 0; k < STEPS_MAX && in.left > 0; k++)
		step_take((uint8_t)input_take(&in, 1), &in);
	stack_finish();
	return 0;
}
