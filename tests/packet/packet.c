/* SPDX-License-Identifier: Apache-2.0 */
#include "packet.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum kind { END = 0, NOP = 1, MSS = 2, SHIFT = 3, SACK_OK = 4, SACK = 5, TIMESTAMPS = 8 };

static const char letters[] = "FSRPAUEC";
static const char *const ecn_names[] = {"noect", "ect1", "ect0", "ce"};

static uint8_t *put(uint8_t *p, uint32_t value, unsigned bytes)
{
	while (bytes-- > 0)
		*p++ = (uint8_t)(value >> 8 * bytes);
	return p;
}

static uint32_t get(const uint8_t *p, unsigned bytes)
{
	uint32_t value = 0;

	while (bytes-- > 0)
		value = value << 8 | *p++;
	return value;
}

static uint8_t *option(uint8_t *p, uint8_t kind, uint8_t len)
{
	*p++ = kind;
	*p++ = len;
	return p;
}

static size_t options_write(const struct packet *packet, uint8_t *bytes_r)
{
	uint8_t *p = bytes_r;

	if (packet->has & HAS_MSS)
		p = put(option(p, MSS, 4), packet->mss, 2);
	if (packet->has & HAS_SHIFT)
		p = put(option(p, SHIFT, 3), packet->shift, 1);
	if (packet->has & HAS_SACK_OK)
		p = option(p, SACK_OK, 2);
	if (packet->has & HAS_TIMESTAMPS)
		p = put(put(option(p, TIMESTAMPS, 10), packet->value, 4), packet->echo, 4);
	if (packet->has & HAS_SACK) {
		p = option(p, SACK, (uint8_t)(2 + 8 * packet->blocks_n));
		for (unsigned i = 0; i < packet->blocks_n; i++)
			p = put(put(p, packet->blocks[i][0], 4), packet->blocks[i][1], 4);
	}
	memcpy(p, packet->raw, packet->raw_n);
	p += packet->raw_n;
	while ((p - bytes_r) % 4 != 0)
		*p++ = NOP;
	return (size_t)(p - bytes_r);
}

size_t packet_write(const struct packet *packet, uint8_t *bytes_r)
{
	uint8_t options[2 * PACKET_OPTIONS_MAX];
	size_t n = options_write(packet, options), bytes;
	uint8_t *p = bytes_r + 4; /* the ports */

	if (n > PACKET_OPTIONS_MAX)
		n = PACKET_OPTIONS_MAX;
	bytes = PACKET_HEADER_BYTES + n;
	p = put(p, packet->seq, 4);
	p = put(p, packet->ack, 4);
	p = put(p, (packet->has & HAS_OFFSET ? packet->offset : (uint32_t)bytes / 4) << 4, 1);
	p = put(p, packet->flags, 1);
	p = put(p, packet->window, 2);
	p = put(p, 0, 2);
	p = put(p, packet->urgent, 2);
	memcpy(p, options, n);
	return bytes;
}

/* One option of a length that is there. */
static bool option_read(const uint8_t *p, size_t len, struct packet *packet)
{
	switch (p[0]) {
	case MSS:
		packet->has |= HAS_MSS;
		packet->mss = (uint16_t)get(p + 2, 2);
		return len == 4;
	case SHIFT:
		packet->has |= HAS_SHIFT;
		packet->shift = p[2];
		return len == 3;
	case SACK_OK:
		packet->has |= HAS_SACK_OK;
		return len == 2;
	case TIMESTAMPS:
		packet->has |= HAS_TIMESTAMPS;
		packet->value = get(p + 2, 4);
		packet->echo = get(p + 6, 4);
		return len == 10;
	case SACK:
		packet->has |= HAS_SACK;
		packet->blocks_n = (unsigned)(len - 2) / 8;
		if (packet->blocks_n > PACKET_BLOCKS)
			return false;
		for (unsigned i = 0; i < packet->blocks_n; i++) {
			packet->blocks[i][0] = get(p + 2 + 8 * i, 4);
			packet->blocks[i][1] = get(p + 6 + 8 * i, 4);
		}
		return len == 2 + 8 * packet->blocks_n && packet->blocks_n > 0;
	default:
		return false; /* nothing else is ours to send */
	}
}

bool packet_read(const uint8_t *bytes, size_t len, struct packet *packet_r)
{
	size_t end = (size_t)(bytes[12] >> 4) * 4, at = PACKET_HEADER_BYTES;

	if (end != len)
		return false;
	*packet_r = (struct packet){.seq = get(bytes + 4, 4),
				    .ack = get(bytes + 8, 4),
				    .flags = bytes[13],
				    .window = get(bytes + 14, 2),
				    .has = HAS_WINDOW,
				    .urgent = (uint16_t)get(bytes + 18, 2)};
	while (at < end && bytes[at] != END) {
		if (bytes[at] == NOP) {
			at++;
			continue;
		}
		if (at + 1 >= end || bytes[at + 1] < 2 || at + bytes[at + 1] > end)
			return false;
		if (!option_read(bytes + at, bytes[at + 1], packet_r))
			return false;
		at += bytes[at + 1];
	}
	return true;
}

void packet_flags_print(uint8_t flags, char *text_r)
{
	char *p = text_r;

	for (unsigned i = 0; i < 8; i++)
		if (flags & 1U << i)
			*p++ = letters[i];
	if (p == text_r)
		*p++ = '-';
	*p = 0;
}

bool packet_flags_parse(const char *word, uint8_t *flags_r)
{
	*flags_r = 0;
	if (word[0] == '-' && word[1] == 0)
		return true;
	for (; *word != 0; word++) {
		const char *at = strchr(letters, *word);

		if (at == NULL)
			return false;
		*flags_r |= (uint8_t)(1U << (at - letters));
	}
	return true;
}

__attribute__((format(printf, 2, 3))) static void say(char *text, const char *format, ...)
{
	size_t used = strlen(text);
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text + used, PACKET_TEXT_MAX - used, format, arguments);
	va_end(arguments);
}

void packet_print(const struct packet *packet, char text_r[PACKET_TEXT_MAX])
{
	packet_flags_print(packet->flags, text_r);
	say(text_r, packet->len > 0 ? " %d:%d" : " %d", (int32_t)packet->seq,
	    (int32_t)(packet->seq + packet->len));
	if (packet->flags & ACK)
		say(text_r, " ack %d", (int32_t)packet->ack);
	if (packet->has & HAS_WINDOW)
		say(text_r, " win %u", packet->window);
	if (packet->flags & URG)
		say(text_r, " urg %u", packet->urgent);
	if (packet->has & HAS_MSS)
		say(text_r, " mss %u", packet->mss);
	if (packet->has & HAS_SHIFT)
		say(text_r, " wscale %u", packet->shift);
	if (packet->has & HAS_SACK_OK)
		say(text_r, " sackok");
	if (packet->has & HAS_TIMESTAMPS)
		say(text_r, " ts %d ecr %d", (int32_t)packet->value, (int32_t)packet->echo);
	if (packet->has & HAS_SACK)
		say(text_r, " sack");
	for (unsigned i = 0; i < packet->blocks_n; i++)
		say(text_r, " %d:%d", (int32_t)packet->blocks[i][0], (int32_t)packet->blocks[i][1]);
	if (packet->has & HAS_RAW)
		say(text_r, " hex(%u)", packet->raw_n);
	if (packet->has & HAS_FORGED)
		say(text_r, " forged");
	if ((packet->has & HAS_ECN) && packet->ecn != 0)
		say(text_r, " %s", ecn_names[packet->ecn]);
}
