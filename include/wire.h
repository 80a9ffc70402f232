/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bytes of IMAP (RFC 3501 section 9, RFC 9051 section 9): framing of commands,
 * their grammar, sequence sets, modified UTF-7, LIST patterns and the text of
 * answers. Pure functions: no I/O, no allocation, no clock, any thread.
 *
 * A parser returns the bytes it consumed (> 0) and moves its cursor, or a named
 * enum wire_result and leaves the cursor where it was. Whatever bytes come in,
 * nothing is read beyond the span and cost is linear in it.
 */
#ifndef WIREMAP_WIRE_H
#define WIREMAP_WIRE_H

#include "span.h"

enum wire_limits {
	WIRE_PATH_DEPTH_MAX = 100, /* numbers in a section such as 1.2.3; mime.h nests no deeper */
	WIRE_TAG_BYTES_MAX = 64,   /* clients use at most about ten; a session keeps it inline */
	WIRE_PATTERN_BYTES_MAX =
		2048,		    /* of a LIST pattern: twice the longest name, for wildcards */
	WIRE_NUMBER_BYTES_MAX = 20, /* digits of UINT64_MAX */
	WIRE_DATE_BYTES = 28,	    /* "17-Jul-1996 02:44:25 -0700" with its quotes */
};

enum wire_result {
	WIRE_BAD = -1,	     /* no continuation can make this valid */
	WIRE_NEED_MORE = -2, /* the bytes end too early */
};

/* --- Framing --- */

enum wire_event {
	WIRE_EVENT_MORE,    /* all of `in` was taken, the command is not complete */
	WIRE_EVENT_COMMAND, /* *command_r is complete, with its line end */
	/* A literal was announced: *command_r is the command so far, `literal` and
	 * `synchronising` describe it. Call wire_collector_accept() or _refuse(). */
	WIRE_EVENT_LITERAL,
	WIRE_EVENT_FULL,    /* `need` bytes of buffer: call wire_collector_buffer() or _skip() */
	WIRE_EVENT_SKIPPED, /* the command that was being skipped has ended */
};

/*
 * Collects one command. A command that lies complete in one span is never copied; of others
 * the bytes so far are kept in a buffer that the caller lends when asked. Zero-filled is a
 * valid start. Quoted strings hide braces; a literal's bytes are counted, never looked at.
 */
struct wire_collector {
	uint8_t *buffer; /* the caller's; NULL: none lent */
	uint32_t capacity;
	uint32_t len;	  /* bytes in the buffer; 0: nothing of a command was taken yet */
	uint32_t scanned; /* bytes of the command already framed */
	uint32_t line;	  /* where in the command the current line begins */
	uint32_t need;	  /* with WIRE_EVENT_FULL */
	uint64_t literal; /* bytes of the literal announced or still to come */
	uint8_t mode;	  /* private */
	uint8_t state;	  /* private: the literal detector while skipping */
	bool synchronising;
	bool quoted, escaped; /* private: likewise */
};

/*
 * Offers bytes; *taken_r of them are taken. With WIRE_EVENT_LITERAL and _FULL the call is made
 * again with the bytes not taken after the caller has decided. *command_r lies in `in` or in
 * the buffer, good until the next call (wire_collector_done() comes first).
 */
enum wire_event wire_collect(struct wire_collector *collector, struct span in, size_t *taken_r,
			     struct span *command_r);
/* The literal's bytes belong to the command and will be collected. */
void wire_collector_accept(struct wire_collector *collector);
/*
 * The command is to be dropped from here on. Returns how many bytes of `in` this takes. A
 * synchronising literal ends the command at once (the client awaits the answer: true in
 * *ended_r); otherwise all up to its end is passed over unbuffered (RFC 7888 section 4).
 */
size_t wire_collector_refuse(struct wire_collector *collector, bool *ended_r);
/* After WIRE_EVENT_FULL: passes over the rest of the command. Returns bytes of `in` taken. */
size_t wire_collector_skip(struct wire_collector *collector);
/* Lends a larger buffer; what the old one held is copied. */
void wire_collector_buffer(struct wire_collector *collector, uint8_t *buffer, uint32_t capacity);
/* After WIRE_EVENT_COMMAND or _SKIPPED, when the command was looked at. Keeps the buffer lent. */
void wire_collector_done(struct wire_collector *collector);

/* --- Grammar --- */

struct wire_cursor {
	const uint8_t *ptr, *end;
};

static inline struct wire_cursor wire_cursor_of(struct span s)
{
	return (struct wire_cursor){s.ptr, span_end(s)};
}

/* A string as it stands on the wire; `escaped` says that backslashes are still in it. */
struct wire_string {
	struct span raw;
	bool escaped;
};

/* Bytes of the string, copied without escapes. Returns its length, at most raw.len, or
 * SIZE_MAX when it does not fit into `out`. */
size_t wire_string_copy(const struct wire_string *string, uint8_t *out, size_t out_bytes);

/* An atom, a number or a set at the very end of the bytes may go on: WIRE_NEED_MORE. In a command
 * at least the line end follows. What an _r points to is only good after success. */

/* Longer than WIRE_TAG_BYTES_MAX is WIRE_BAD. */
int wire_tag(struct wire_cursor *cursor, struct span *tag_r);
int wire_atom(struct wire_cursor *cursor, struct span *atom_r);
/* string, or atom with "]" allowed (RFC 3501: astring). NUL in a literal is WIRE_BAD. */
int wire_astring(struct wire_cursor *cursor, struct wire_string *string_r);
/* Quoted or literal only. A quoted string is valid UTF-8 (RFC 9051; RFC 3501 has US-ASCII). */
int wire_string(struct wire_cursor *cursor, struct wire_string *string_r);
/* string or NIL: then *nil_r. */
int wire_nstring(struct wire_cursor *cursor, struct wire_string *string_r, bool *nil_r);
/* list-mailbox: an astring whose atom may hold % and *. */
int wire_list_mailbox(struct wire_cursor *cursor, struct wire_string *string_r);
/* literal, or literal8 (RFC 3516), which may hold NUL: what APPEND takes. */
int wire_literal(struct wire_cursor *cursor, struct span *bytes_r, bool *literal8_r);
/* Exactly this byte. */
int wire_char(struct wire_cursor *cursor, uint8_t c);
/* One space. */
int wire_space(struct wire_cursor *cursor);
/* The end of the command: CRLF or a bare LF, and nothing after it. */
int wire_end(struct wire_cursor *cursor);
/* number (RFC 3501), at most `max`. */
int wire_number(struct wire_cursor *cursor, uint64_t max, uint64_t *number_r);
/* Whether the next byte is `c`; false at the end. */
static inline bool wire_at(const struct wire_cursor *cursor, uint8_t c)
{
	return cursor->ptr < cursor->end && *cursor->ptr == c;
}

enum wire_fetch_kind {
	WIRE_FETCH_FLAGS,
	WIRE_FETCH_UID,
	WIRE_FETCH_INTERNALDATE,
	WIRE_FETCH_SIZE,
	WIRE_FETCH_ENVELOPE,
	WIRE_FETCH_BODY,
	WIRE_FETCH_BODYSTRUCTURE,
	WIRE_FETCH_SECTION, /* BODY[...] and RFC822, RFC822.HEADER, RFC822.TEXT */
	WIRE_FETCH_BINARY,
	WIRE_FETCH_BINARY_SIZE,
	WIRE_FETCH_ALL, /* macros; only alone, not in a list */
	WIRE_FETCH_FAST,
	WIRE_FETCH_FULL,
};

enum wire_section {
	WIRE_SECTION_ALL,
	WIRE_SECTION_HEADER,
	WIRE_SECTION_FIELDS,
	WIRE_SECTION_FIELDS_NOT,
	WIRE_SECTION_TEXT,
	WIRE_SECTION_MIME,
};

/* One fetch-att. Spans borrow from the command. */
struct wire_fetch {
	enum wire_fetch_kind kind;
	struct span name; /* the keyword, as sent: BODY.PEEK, RFC822.TEXT, ... */
	bool peek;
	enum wire_section section;
	uint32_t depth;
	uint32_t path[WIRE_PATH_DEPTH_MAX];
	/* With WIRE_SECTION_FIELDS and _NOT: the names with their parentheses, as sent. */
	struct span names;
	unsigned names_n;
	bool partial;
	uint64_t partial_off; /* number64 (RFC 9051): it is echoed, however far beyond the end */
	uint32_t partial_len; /* a longer length is cut to UINT32_MAX */
};

int wire_fetch_att(struct wire_cursor *cursor, struct wire_fetch *fetch_r);

/* --- Sequence sets --- */

/* first <= last. A set is an array of runs that rise, with at least one number between them. */
struct wire_run {
	uint32_t first, last;
};

/*
 * sequence-set (RFC 3501), normalised. `star` is what * stands for: the largest number in use,
 * or 0 when there is none; then * and ranges with it add nothing. WIRE_BAD also when there are
 * too many runs and *full_r is set: never while the list has at most `runs_max` elements or rises,
 * and needs no more runs; a longer one out of order may need at most three quarters of that.
 */
int wire_seqset(struct wire_cursor *cursor, uint32_t star, struct wire_run *runs, size_t runs_max,
		size_t *runs_n_r, bool *full_r);
bool wire_seqset_has(const struct wire_run *runs, size_t runs_n, uint32_t number);

/* --- Mailbox names --- */

/*
 * Modified UTF-7 (RFC 3501 5.1.3) to UTF-8: only the one canonical spelling of a name is
 * taken. Returns the bytes written, or WIRE_BAD, also when `out` is too small. `out_bytes` >=
 * in.len * 9 / 8 always suffices: eight letters carry three characters of three bytes.
 */
int wire_utf7_decode(struct span in, uint8_t *out, size_t out_bytes);
/* And back. WIRE_BAD: not UTF-8, or too small; 4 * in.len + 1 always suffices. */
int wire_utf7_encode(struct span in, uint8_t *out, size_t out_bytes);
/* Well-formed UTF-8 (RFC 3629) without NUL. */
bool wire_utf8_valid(struct span s);

/* A LIST pattern, compiled: % and * (RFC 3501 6.3.8). Matching costs at most
 * name bytes * pattern bytes / 64, whatever the wildcards. */
struct wire_pattern;
/* Memory for a pattern, bytes, to be aligned to 8. 0: longer than WIRE_PATTERN_BYTES_MAX, which
 * matches no name. */
size_t wire_pattern_bytes(struct span pattern);
struct wire_pattern *wire_pattern_compile(void *memory, struct span pattern, uint8_t separator);
/* The first `fold` bytes of the name are compared without case (INBOX). */
bool wire_pattern_match(const struct wire_pattern *pattern, struct span name, size_t fold);

/* base64 (RFC 4648 section 4), strict, with padding. Bytes written or WIRE_BAD. */
int wire_base64_decode(struct span in, uint8_t *out, size_t out_bytes);

/* --- Answers --- */

/* Each writes at `p` and returns the end; the caller has made room. */
uint8_t *wire_put_u64(uint8_t *p, uint64_t number); /* WIRE_NUMBER_BYTES_MAX */
static inline uint8_t *wire_put_bytes(uint8_t *p, const void *bytes, size_t n)
{
	memcpy(p, bytes, n);
	return p + n;
}

/* Up to ten digits. Most numbers of an answer are short. */
static inline uint8_t *wire_put_u32(uint8_t *p, uint32_t number)
{
	if (number < 10) {
		*p = (uint8_t)('0' + number);
		return p + 1;
	}
	return wire_put_u64(p, number);
}

/* The date of the day rendered last; zero-filled to start. */
struct wire_day {
	int64_t day; /* since 1970-01-01 */
	uint8_t text[12];
	bool valid;
};

/* A date-time with quotes (RFC 3501), WIRE_DATE_BYTES. Years outside 0..9999 are clamped. */
uint8_t *wire_put_date(uint8_t *p, struct wire_day *day, int64_t utc_s, int zone_min);

/* Text under construction; what does not fit is cut and `full` set. */
struct wire_text {
	uint8_t *ptr;
	size_t len, capacity;
	bool full;
};

void wire_text_add(struct wire_text *text, struct span s);
void wire_text_str(struct wire_text *text, const char *s);
void wire_text_number(struct wire_text *text, uint64_t number);
/* The string quoted where a quoted string of RFC 3501 can carry it, else as a literal, in which
 * NUL becomes 0x80. */
void wire_text_string(struct wire_text *text, struct span s);

#endif
