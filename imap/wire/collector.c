/* SPDX-License-Identifier: Apache-2.0 */
#include "wire.h"

#include "check.h"

enum mode {
	MODE_LINE,    /* zero: where a new collector and a new command begin */
	MODE_ASKED,   /* a literal was announced and the caller decides */
	MODE_LITERAL, /* `literal` bytes beyond `scanned` belong to it */
	MODE_COMPLETE,
	MODE_SKIP_LINE,
	MODE_SKIP_LITERAL,
};

/* How far a line has come in "{" number ["+"] "}" [CR]. */
enum detector {
	DETECTOR_OUTSIDE,
	DETECTOR_OPENED,
	DETECTOR_DIGITS,
	DETECTOR_PLUS,
	DETECTOR_CLOSED,
	DETECTOR_CR,
};

/*
 * Positions count from the command's first byte: those below `len` lie in the buffer, the others
 * in what is offered. `scanned` >= `len` always holds, so new bytes are only sought in `in`. In a
 * line, `scanned` is the larger of `len` and `line`: nothing unbuffered was looked at.
 */

static void detector_start(struct wire_collector *collector)
{
	collector->state = DETECTOR_OUTSIDE;
	collector->quoted = false;
	collector->escaped = false;
}

static void literal_digit(struct wire_collector *collector, unsigned digit)
{
	if (__builtin_mul_overflow(collector->literal, 10, &collector->literal) ||
	    __builtin_add_overflow(collector->literal, digit, &collector->literal))
		collector->literal = UINT64_MAX;
}

/* Takes one byte of a line, its LF excepted. */
static void detector_feed(struct wire_collector *collector, uint8_t byte)
{
	unsigned state = collector->state;

	if (collector->quoted) {
		collector->quoted = byte != '"' || collector->escaped;
		collector->escaped = byte == '\\' && !collector->escaped;
	} else if (byte == '{') {
		collector->state = DETECTOR_OPENED;
		collector->literal = 0;
		collector->synchronising = true;
	} else if (byte >= '0' && byte <= '9' &&
		   (state == DETECTOR_OPENED || state == DETECTOR_DIGITS)) {
		collector->state = DETECTOR_DIGITS;
		literal_digit(collector, byte - '0');
	} else if (byte == '+' && state == DETECTOR_DIGITS) {
		collector->state = DETECTOR_PLUS;
		collector->synchronising = false;
	} else if (byte == '}' && (state == DETECTOR_DIGITS || state == DETECTOR_PLUS)) {
		collector->state = DETECTOR_CLOSED;
	} else if (byte == '\r' && state == DETECTOR_CLOSED) {
		collector->state = DETECTOR_CR;
	} else {
		collector->state = DETECTOR_OUTSIDE;
		collector->quoted = byte == '"';
	}
}

/* Whether a line that ends here announces a literal. */
static bool detector_announces(const struct wire_collector *collector)
{
	return collector->state == DETECTOR_CLOSED || collector->state == DETECTOR_CR;
}

/* Whether the line, given with its LF, announces a literal. Nearly none does: one look at its
 * end tells, and only the others are read from their beginning. */
static bool line_announces(struct wire_collector *collector, struct span line)
{
	size_t n = line.len - 1;

	if (n > 0 && line.ptr[n - 1] == '\r')
		n--;
	if (n == 0 || line.ptr[n - 1] != '}')
		return false;
	detector_start(collector);
	for (size_t i = 0; i < n; i++)
		detector_feed(collector, line.ptr[i]);
	return detector_announces(collector);
}

static void restart(struct wire_collector *collector, enum mode mode)
{
	collector->len = 0;
	collector->scanned = 0;
	collector->line = 0;
	collector->mode = (uint8_t)mode;
}

/* Leaves `scanned` where the framing is known, for a skip may follow: what lies behind it will be
 * looked at again, once for each time the caller is asked. */
static enum wire_event full(struct wire_collector *collector, uint64_t need)
{
	collector->need = need < UINT32_MAX ? (uint32_t)need : UINT32_MAX;
	return WIRE_EVENT_FULL;
}

/* How long the command is at least, of which `total` bytes are seen: a line end is to come. */
static uint64_t command_bytes(const struct wire_collector *collector, uint64_t total)
{
	if (collector->mode != MODE_LITERAL)
		return total + 1;
	return collector->literal < UINT32_MAX ? collector->scanned + collector->literal + 1
					       : UINT32_MAX;
}

/* The command goes on beyond `in`: all of it is kept. */
static enum wire_event keep(struct wire_collector *collector, struct span in, size_t *taken_r)
{
	uint64_t total = collector->len + (uint64_t)in.len;

	if (in.len > 0 && total > collector->capacity)
		return full(collector, command_bytes(collector, total));
	if (in.len > 0)
		memcpy(collector->buffer + collector->len, in.ptr, in.len);
	if (collector->mode == MODE_LITERAL)
		collector->literal -= total - collector->scanned;
	collector->len = (uint32_t)total;
	collector->scanned = (uint32_t)total;
	*taken_r = in.len;
	return WIRE_EVENT_MORE;
}

/* A line ends at position `end`: with it the command, or a literal follows. */
static enum wire_event line_ended(struct wire_collector *collector, struct span in, uint32_t end,
				  size_t *taken_r, struct span *command_r)
{
	bool buffered = collector->len > 0;
	struct span command = {in.ptr, end};

	if (buffered) {
		if (end > collector->capacity)
			return full(collector, end);
		*taken_r = end - collector->len;
		memcpy(collector->buffer + collector->len, in.ptr, *taken_r);
		collector->len = end;
		command.ptr = collector->buffer;
	}
	collector->scanned = end;
	*command_r = command;
	if (line_announces(collector, span_cut(command, collector->line, end))) {
		collector->mode = MODE_ASKED;
		return WIRE_EVENT_LITERAL;
	}
	if (!buffered)
		*taken_r = end;
	collector->mode = MODE_COMPLETE;
	return WIRE_EVENT_COMMAND;
}

static enum wire_event pass_over(struct wire_collector *collector, struct span in, size_t *taken_r)
{
	size_t at = 0;

	while (at < in.len) {
		if (collector->mode == MODE_SKIP_LITERAL) {
			size_t n = in.len - at;

			if (n > collector->literal)
				n = (size_t)collector->literal;
			at += n;
			collector->literal -= n;
			if (collector->literal > 0)
				break;
			collector->mode = MODE_SKIP_LINE;
			detector_start(collector);
		} else if (in.ptr[at] != '\n') {
			detector_feed(collector, in.ptr[at++]);
		} else {
			at++;
			/* After a synchronising literal the client awaits our answer. */
			if (!detector_announces(collector) || collector->synchronising) {
				collector->mode = MODE_COMPLETE;
				*taken_r = at;
				return WIRE_EVENT_SKIPPED;
			}
			collector->mode = MODE_SKIP_LITERAL;
		}
	}
	*taken_r = at;
	return WIRE_EVENT_MORE;
}

enum wire_event wire_collect(struct wire_collector *collector, struct span in, size_t *taken_r,
			     struct span *command_r)
{
	const uint8_t *lf = NULL;
	uint64_t total;
	size_t from;

	ASSERT(collector->mode != MODE_ASKED && collector->mode != MODE_COMPLETE);
	*taken_r = 0;
	*command_r = (struct span){NULL, 0};
	if (collector->mode == MODE_SKIP_LINE || collector->mode == MODE_SKIP_LITERAL)
		return pass_over(collector, in, taken_r);

	if (in.len > UINT32_MAX - collector->len)
		in.len = UINT32_MAX - collector->len;
	total = collector->len + (uint64_t)in.len;
	ASSERT(collector->scanned >= collector->len && collector->scanned <= total);
	if (collector->mode == MODE_LITERAL) {
		if (total - collector->scanned < collector->literal)
			return keep(collector, in, taken_r);
		collector->scanned += (uint32_t)collector->literal;
		collector->literal = 0;
		collector->line = collector->scanned;
		collector->mode = MODE_LINE;
	}
	from = collector->scanned - collector->len;
	if (from < in.len)
		lf = memchr(in.ptr + from, '\n', in.len - from);
	if (lf == NULL)
		return keep(collector, in, taken_r);
	return line_ended(collector, in, collector->len + (uint32_t)(lf + 1 - in.ptr), taken_r,
			  command_r);
}

void wire_collector_accept(struct wire_collector *collector)
{
	ASSERT(collector->mode == MODE_ASKED);
	collector->mode = MODE_LITERAL;
}

size_t wire_collector_refuse(struct wire_collector *collector, bool *ended_r)
{
	size_t taken = collector->scanned - collector->len;

	ASSERT(collector->mode == MODE_ASKED);
	*ended_r = collector->synchronising;
	restart(collector, collector->synchronising ? MODE_LINE : MODE_SKIP_LITERAL);
	return taken;
}

size_t wire_collector_skip(struct wire_collector *collector)
{
	size_t taken = collector->scanned - collector->len;

	ASSERT(collector->mode == MODE_LINE || collector->mode == MODE_LITERAL);
	if (collector->mode == MODE_LITERAL) {
		restart(collector, MODE_SKIP_LITERAL);
		return taken;
	}
	detector_start(collector);
	for (uint32_t i = collector->line; i < collector->len; i++)
		detector_feed(collector, collector->buffer[i]);
	restart(collector, MODE_SKIP_LINE);
	return taken;
}

void wire_collector_buffer(struct wire_collector *collector, uint8_t *buffer, uint32_t capacity)
{
	ASSERT(capacity >= collector->len);
	if (collector->len > 0 && buffer != collector->buffer)
		memcpy(buffer, collector->buffer, collector->len);
	collector->buffer = buffer;
	collector->capacity = capacity;
}

void wire_collector_done(struct wire_collector *collector)
{
	ASSERT(collector->mode == MODE_COMPLETE);
	restart(collector, MODE_LINE);
}
