/* SPDX-License-Identifier: Apache-2.0 */
#include "run.h"

#include <arpa/inet.h>
#include <netinet/ip.h>
#include <stdio.h>
#include <string.h>

#define TH_FIN 1
#define TH_SYN 2
#define TH_RST 4
#define TH_ACK 16

enum {
	HEADER_BYTES = 20,
	UNHEARD_ISN = 0x5eed0000, /* stands for the target's until it has said its own */
	UNHEARD_WINDOW = 1000,
	CLOCK_STEP = 100, /* of our timestamps, from one segment to the next */
	FNV_START = 0x811c9dc5,
	FNV_PRIME = 0x01000193,
};

static void put16(uint8_t *p, uint32_t value)
{
	p[0] = (uint8_t)(value >> 8);
	p[1] = (uint8_t)value;
}

static void put32(uint8_t *p, uint32_t value)
{
	put16(p, value >> 16);
	put16(p + 2, value);
}

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)get16(p) << 16 | get16(p + 2);
}

static uint16_t checksum(const uint8_t *p, size_t n, uint32_t sum)
{
	for (; n > 1; n -= 2, p += 2)
		sum += get16(p);
	if (n > 0)
		sum += (uint32_t)(*p << 8);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

void run_begin(struct run *run_r, const struct sequence *sequence, struct in_addr from,
	       uint16_t from_port, struct in_addr to)
{
	*run_r = (struct run){.sequence = sequence,
			      .from = from,
			      .to = to,
			      .from_port = from_port,
			      .isn = UNHEARD_ISN,
			      .sent_end = UNHEARD_ISN,
			      .acked = sequence->isn,
			      .edge = sequence->isn + UNHEARD_WINDOW,
			      .digest = FNV_START};
}

static uint32_t resolve(const struct run *run, struct relative relative)
{
	switch (relative.base) {
	case 'i':
		return run->sequence->isn + (uint32_t)relative.offset;
	case 'a':
		return run->acked + (uint32_t)relative.offset;
	case 'e':
		return run->edge + (uint32_t)relative.offset;
	case 's':
		return run->isn + (uint32_t)relative.offset;
	default:
		return run->sent_end + (uint32_t)relative.offset;
	}
}

/* The byte of our stream at `at`, counted from our ISN: letters to who echoes or discards; lines
 * that ask for 40 bytes and then for one again and again to who answers. */
static uint8_t stream_byte(const struct run *run, uint32_t at, bool lies)
{
	if (run->sequence->port < 19)
		return (uint8_t)((lies ? 'a' : 'A') + at % 26);
	return (uint8_t)(at < 4 ? "\n40\n"[at] : "1\n"[at % 2]);
}

static size_t option_write(const struct run *run, const struct option_item *item, uint32_t clock,
			   uint8_t *p)
{
	switch (item->kind) {
	case 'm':
		memcpy(p, (const uint8_t[]){2, 4}, 2);
		put16(p + 2, item->number);
		return 4;
	case 'w':
		memcpy(p, (const uint8_t[]){3, 3, (uint8_t)item->number}, 3);
		return 3;
	case 'k':
		memcpy(p, (const uint8_t[]){4, 2}, 2);
		return 2;
	case 't':
		memcpy(p, (const uint8_t[]){8, 10}, 2);
		put32(p + 2, clock + (uint32_t)item->from.offset);
		put32(p + 6, run->timestamp + (uint32_t)item->to.offset);
		return 10;
	case 'b':
		memcpy(p, (const uint8_t[]){5, 10}, 2);
		put32(p + 2, resolve(run, item->from));
		put32(p + 6, resolve(run, item->to));
		return 10;
	case 'x':
		memcpy(p, item->raw, item->raw_n);
		return item->raw_n;
	default:
		return 0;
	}
}

/* Options, padded with END to a word; returns their bytes. */
static size_t options_write(const struct run *run, const struct step *step, uint32_t clock,
			    uint8_t *p, uint32_t *words_r)
{
	uint8_t room[OPTIONS_MAX * RAW_BYTES_MAX] = {0};
	size_t n = 0;

	for (unsigned k = 0; k < step->options_n && n <= RAW_BYTES_MAX; k++)
		n += option_write(run, &step->options[k], clock, room + n);
	n = n > RAW_BYTES_MAX ? RAW_BYTES_MAX : (n + 3) / 4 * 4;
	memcpy(p, room, n);
	*words_r = (uint32_t)(HEADER_BYTES + n) / 4;
	for (unsigned k = 0; k < step->options_n; k++)
		if (step->options[k].kind == 'h')
			*words_r = step->options[k].number;
	return n;
}

static bool sum_is_wrong(const struct step *step)
{
	for (unsigned k = 0; k < step->options_n; k++)
		if (step->options[k].kind == 'z')
			return true;
	return false;
}

static void ip_write(const struct run *run, uint8_t *packet, size_t len)
{
	memset(packet, 0, HEADER_BYTES);
	packet[0] = 0x45;
	put16(packet + 2, (uint32_t)len);
	put16(packet + 6, IP_DF);
	packet[8] = IPDEFTTL;
	packet[9] = IPPROTO_TCP;
	memcpy(packet + 12, &run->from, 4);
	memcpy(packet + 16, &run->to, 4);
	put16(packet + 10, checksum(packet, HEADER_BYTES, 0));
}

/* Ports, checksum and the IP header around a segment of `len` bytes. */
static size_t packet_finish(const struct run *run, uint8_t *packet, size_t len, bool wrong)
{
	uint8_t *tcp = packet + HEADER_BYTES;
	uint32_t pseudo;

	ip_write(run, packet, HEADER_BYTES + len);
	put16(tcp, run->from_port);
	put16(tcp + 2, run->sequence->port);
	put16(tcp + 16, 0);
	pseudo = (uint32_t)get16(packet + 12) + get16(packet + 14) + get16(packet + 16) +
		 get16(packet + 18) + IPPROTO_TCP + (uint32_t)len;
	put16(tcp + 16, checksum(tcp, len, pseudo) ^ (wrong ? 0x1111U : 0));
	return HEADER_BYTES + len;
}

size_t run_packet(const struct run *run, const struct step *step, unsigned number,
		  uint8_t packet_r[PACKET_BYTES_MAX])
{
	uint8_t *tcp = packet_r + HEADER_BYTES, *payload;
	uint32_t seq = resolve(run, step->seq), words, room, header;
	/* What follows a SYN in its own segment comes one later in the stream. */
	uint32_t at = seq - run->sequence->isn + (step->flags & TH_SYN ? 1 : 0);

	memset(tcp, 0, HEADER_BYTES);
	put32(tcp + 4, seq);
	put32(tcp + 8, resolve(run, step->ack));
	payload = tcp + HEADER_BYTES +
		  options_write(run, step, run->sequence->clock + number * CLOCK_STEP,
				tcp + HEADER_BYTES, &words);
	tcp[12] = (uint8_t)(words << 4);
	tcp[13] = step->flags;
	put16(tcp + 14, step->window);
	put16(tcp + 18, step->urgent);
	room = (uint32_t)(packet_r + PACKET_BYTES_MAX - payload);
	room = step->payload < room ? step->payload : room;
	/* What a header that is said to be longer takes of it: the same to every target. */
	header = tcp + 4 * words > payload ? (uint32_t)(tcp + 4 * words - payload) : 0;
	for (unsigned k = 0; k < room; k++)
		payload[k] = k < header ? 'A' : stream_byte(run, at + k - header, step->lies);
	return packet_finish(run, packet_r, (size_t)(payload - tcp) + room, sum_is_wrong(step));
}

size_t run_reset(const struct run *run, uint8_t packet_r[PACKET_BYTES_MAX])
{
	uint8_t *tcp = packet_r + HEADER_BYTES;

	memset(tcp, 0, HEADER_BYTES);
	put32(tcp + 4, run->acked);
	put32(tcp + 8, run->sent_end);
	tcp[12] = HEADER_BYTES / 4 << 4;
	tcp[13] = TH_RST | TH_ACK;
	return packet_finish(run, packet_r, HEADER_BYTES, false);
}

static bool before(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) < 0;
}

static char *blocks_text(const struct run *run, const uint8_t *p, size_t len, char *text, char *end)
{
	for (size_t k = 2; k + 8 <= len; k += 8)
		text += snprintf(text, (size_t)(end - text), "[%u-%u]",
				 get32(p + k) - run->sequence->isn,
				 get32(p + k + 4) - run->sequence->isn);
	return text;
}

/* Takes what later segments need of the options, and says which there are. */
static void options_answer(struct run *run, const uint8_t *p, size_t len, bool syn, char *text,
			   char *end)
{
	for (size_t n; len > 0 && *p != 0; p += n, len -= n) {
		n = *p == 1 || len < 2 ? 1 : p[1];
		if (n == 0 || n > len)
			break;
		if (*p == 2 && n == 4)
			text += snprintf(text, (size_t)(end - text), "m%u", get16(p + 2));
		if (*p == 3 && n == 3) {
			text += snprintf(text, (size_t)(end - text), "w");
			if (syn)
				run->shift = p[2];
		}
		if (*p == 4)
			text += snprintf(text, (size_t)(end - text), "k");
		if (*p == 5)
			text = blocks_text(run, p, n, text, end);
		if (*p == 8 && n == 10) {
			text += snprintf(text, (size_t)(end - text), "t");
			run->timestamp = get32(p + 2);
		}
	}
}

static void data_answer(struct run *run, uint32_t seq, const uint8_t *payload, size_t len)
{
	if (len == 0 || before(run->sent_end, seq)) {
		run->gap |= len > 0;
		return;
	}
	for (uint32_t k = run->sent_end - seq; k < len; k++)
		run->digest = (run->digest ^ payload[k]) * FNV_PRIME;
}

bool run_answer(struct run *run, const uint8_t *segment, size_t len, char text_r[TEXT_BYTES_MAX])
{
	char options[TEXT_BYTES_MAX / 2] = "", flags_text[9];
	size_t header = len < HEADER_BYTES ? 0 : (size_t)(segment[12] >> 4) * 4;
	uint32_t seq, ack, window, end;
	uint8_t flags;

	if (header < HEADER_BYTES || header > len)
		return false;
	flags = segment[13];
	seq = get32(segment + 4);
	ack = get32(segment + 8);
	window = get16(segment + 14);
	if ((flags & TH_SYN) && (!run->spoken || seq != run->isn)) {
		run->spoken = true;
		run->isn = run->sent_end = seq;
		run->shift = 0;
	}
	options_answer(run, segment + HEADER_BYTES, header - HEADER_BYTES, flags & TH_SYN, options,
		       options + sizeof(options));
	if (!(flags & TH_RST)) {
		data_answer(run, seq, segment + header, len - header);
		end = seq + (uint32_t)(len - header) + !!(flags & TH_SYN) + !!(flags & TH_FIN);
		if (before(run->sent_end, end))
			run->sent_end = end;
		if ((flags & TH_ACK) && ((flags & TH_SYN) || !before(ack, run->acked))) {
			run->acked = ack;
			run->edge = ack + (window << (flags & TH_SYN ? 0 : run->shift));
		}
	}
	snprintf(text_r, TEXT_BYTES_MAX, "%s:%u:%u:%zu:%s:%s",
		 sequence_flags_text(flags, flags_text), seq - run->isn,
		 flags & TH_ACK ? ack - run->sequence->isn : 0, len - header,
		 window > 0 ? "+" : "0", options);
	return true;
}
