/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SEARCH of what the index knows: numbers, flags, sizes, arrival. What needs the
 * message's text is told from bad syntax and refused; imap/search will do it.
 */
#include "commands.h"

#include "check.h"

enum search_limits {
	SEARCH_KEYS_MAX = 200,
	SEARCH_DEPTH_MAX = 16, /* of parentheses, NOT and OR */
	SEARCH_ROW_MESSAGES = 128,
};
/* A row holds a number of ten digits and a space for each message. */
static_assert(SEARCH_ROW_MESSAGES * 11 <= ENGINE_ROW_BYTES_MAX, "a row of numbers fits");

enum key_kind {
	KEY_AND, /* all up to `end` */
	KEY_OR,	 /* one of the two up to `end` */
	KEY_NOT, /* not the one that follows */
	KEY_ALL,
	KEY_NONE,
	KEY_FLAG,    /* `number` is the system flag */
	KEY_KEYWORD, /* and here the keyword's number in the mailbox */
	KEY_LARGER,
	KEY_SMALLER,
	KEY_BEFORE, /* days since 1970, in the zone of the date, as it was given */
	KEY_ON,
	KEY_SINCE,
	KEY_SEQUENCE,
	KEY_UID,
};

struct key {
	uint8_t kind; /* enum key_kind */
	uint8_t negated;
	uint16_t end; /* the key behind this one and all that belongs to it */
	uint32_t runs_n;
	int64_t number;
	const struct wire_run *runs;
};

struct search {
	struct key *keys;
	unsigned keys_n, keys_room;
	bool by_uid;
};

static const char answer_later[] =
	"NO [CANNOT] Text, headers and sent dates are not searched by this server yet";
static const char answer_charset[] = "NO [BADCHARSET (US-ASCII UTF-8)] That charset is unknown";
static const char answer_keys[] = "NO [LIMIT] Too many search keys";

/* --- The table of keys (RFC 3501 section 6.4.4) --- */

enum argument { ARGUMENT_NONE, ARGUMENT_NUMBER, ARGUMENT_DATE, ARGUMENT_KEYWORD, ARGUMENT_TEXT };

struct key_name {
	const char *name;
	enum key_kind kind;
	bool negated;
	int64_t number;
	enum argument argument;
};

static const struct key_name key_names[] = {
	{"ALL", KEY_ALL, false, 0, ARGUMENT_NONE},
	{"ANSWERED", KEY_FLAG, false, STORE_ANSWERED, ARGUMENT_NONE},
	{"UNANSWERED", KEY_FLAG, true, STORE_ANSWERED, ARGUMENT_NONE},
	{"DELETED", KEY_FLAG, false, STORE_DELETED, ARGUMENT_NONE},
	{"UNDELETED", KEY_FLAG, true, STORE_DELETED, ARGUMENT_NONE},
	{"DRAFT", KEY_FLAG, false, STORE_DRAFT, ARGUMENT_NONE},
	{"UNDRAFT", KEY_FLAG, true, STORE_DRAFT, ARGUMENT_NONE},
	{"FLAGGED", KEY_FLAG, false, STORE_FLAGGED, ARGUMENT_NONE},
	{"UNFLAGGED", KEY_FLAG, true, STORE_FLAGGED, ARGUMENT_NONE},
	{"SEEN", KEY_FLAG, false, STORE_SEEN, ARGUMENT_NONE},
	{"UNSEEN", KEY_FLAG, true, STORE_SEEN, ARGUMENT_NONE},
	/* In a read-only session no message is \Recent. */
	{"NEW", KEY_NONE, false, 0, ARGUMENT_NONE},
	{"RECENT", KEY_NONE, false, 0, ARGUMENT_NONE},
	{"OLD", KEY_ALL, false, 0, ARGUMENT_NONE},
	{"KEYWORD", KEY_KEYWORD, false, 0, ARGUMENT_KEYWORD},
	{"UNKEYWORD", KEY_KEYWORD, true, 0, ARGUMENT_KEYWORD},
	{"LARGER", KEY_LARGER, false, 0, ARGUMENT_NUMBER},
	{"SMALLER", KEY_SMALLER, false, 0, ARGUMENT_NUMBER},
	{"BEFORE", KEY_BEFORE, false, 0, ARGUMENT_DATE},
	{"ON", KEY_ON, false, 0, ARGUMENT_DATE},
	{"SINCE", KEY_SINCE, false, 0, ARGUMENT_DATE},
	{"BCC", KEY_NONE, false, 0, ARGUMENT_TEXT},
	{"BODY", KEY_NONE, false, 0, ARGUMENT_TEXT},
	{"CC", KEY_NONE, false, 0, ARGUMENT_TEXT},
	{"FROM", KEY_NONE, false, 0, ARGUMENT_TEXT},
	{"HEADER", KEY_NONE, false, 0, ARGUMENT_TEXT},
	{"SENTBEFORE", KEY_NONE, false, 0, ARGUMENT_TEXT},
	{"SENTON", KEY_NONE, false, 0, ARGUMENT_TEXT},
	{"SENTSINCE", KEY_NONE, false, 0, ARGUMENT_TEXT},
	{"SUBJECT", KEY_NONE, false, 0, ARGUMENT_TEXT},
	{"TEXT", KEY_NONE, false, 0, ARGUMENT_TEXT},
	{"TO", KEY_NONE, false, 0, ARGUMENT_TEXT},
};

/* --- Reading the keys --- */

struct reader {
	struct session *session;
	struct search *search;
	struct arena *arena;
	struct wire_cursor *cursor;
};

/* Days from 1970-01-01 to a date of the proleptic Gregorian calendar. */
static int64_t days_from_1970(int64_t year, unsigned month, unsigned day)
{
	int64_t march_year = month > 2 ? year : year - 1;
	int64_t month_days = (153 * (int64_t)(month > 2 ? month - 3 : month + 9) + 2) / 5;

	return march_year * 365 + march_year / 4 - march_year / 100 + march_year / 400 +
	       month_days + day - 1 - 719468;
}

/* date (RFC 3501 section 9): 1-Feb-1994, with or without quotes. */
static bool date_take(struct wire_cursor *cursor, int64_t *day_r)
{
	static const char months[] = "janfebmaraprmayjunjulaugsepoctnovdec";
	bool quoted = wire_char(cursor, '"') > 0;
	uint64_t day, year;
	unsigned month = 0;
	uint8_t name[3];

	if (wire_number(cursor, 31, &day) < 0 || day == 0 || wire_char(cursor, '-') < 0 ||
	    cursor->end - cursor->ptr < 3)
		return false;
	for (unsigned k = 0; k < 3; k++)
		name[k] = span_lower(*cursor->ptr++);
	while (month < 12 && memcmp(months + 3 * month, name, 3) != 0)
		month++;
	if (month == 12 || wire_char(cursor, '-') < 0 || wire_number(cursor, 9999, &year) < 0)
		return false;
	*day_r = days_from_1970((int64_t)year, month + 1, (unsigned)day);
	return !quoted || wire_char(cursor, '"') > 0;
}

/* Number of a keyword of this mailbox, or -1. */
static int64_t keyword_find(const struct store_view *view, struct span name)
{
	for (unsigned k = 0; k < store_view_keyword_count(view); k++)
		if (name.len > 0 && span_eq_fold(store_view_keyword(view, k), name))
			return k;
	return -1;
}

static const char *argument_take(struct reader *reader, const struct key_name *name,
				 struct key *key)
{
	uint64_t number;
	struct span keyword;

	if (name->argument == ARGUMENT_NONE)
		return NULL;
	if (wire_space(reader->cursor) < 0)
		return answer_arguments;
	switch (name->argument) {
	case ARGUMENT_NUMBER:
		if (wire_number(reader->cursor, UINT32_MAX, &number) < 0)
			return answer_arguments;
		key->number = (int64_t)number;
		return NULL;
	case ARGUMENT_DATE:
		return date_take(reader->cursor, &key->number) ? NULL : answer_arguments;
	case ARGUMENT_KEYWORD:
		if (wire_atom(reader->cursor, &keyword) < 0)
			return answer_arguments;
		key->number = keyword_find(reader->session->view, keyword);
		return NULL;
	default:
		return answer_later;
	}
}

/* There is no room for another key: in this block, or at all. */
static const char *keys_full(const struct reader *reader)
{
	return reader->search->keys_room < SEARCH_KEYS_MAX ? answer_block_full : answer_keys;
}

static struct key *key_add(struct reader *reader, enum key_kind kind)
{
	struct search *search = reader->search;
	struct key *key = &search->keys[search->keys_n];

	if (search->keys_n == search->keys_room)
		return NULL;
	*key = (struct key){.kind = (uint8_t)kind, .end = (uint16_t)++search->keys_n};
	return key;
}

static const char *set_take(struct reader *reader, enum key_kind kind)
{
	const struct store_view *view = reader->session->view;
	struct arena *arena = reader->arena;
	struct wire_run *runs = (struct wire_run *)(void *)(arena->ptr + arena->len);
	size_t room = (arena->capacity - arena->len) / sizeof(*runs), runs_n;
	struct key *key = key_add(reader, kind);
	uint32_t count = store_view_count(view), star = count;
	bool full = false;

	if (key == NULL || room == 0)
		return key == NULL ? keys_full(reader) : answer_block_full;
	if (kind == KEY_UID && count > 0)
		star = store_view_uid(view, count - 1);
	if (wire_seqset(reader->cursor, star, runs, room, &runs_n, &full) < 0)
		return full ? answer_block_full : answer_arguments;
	key->runs = arena_take(arena, runs_n * sizeof(*runs));
	key->runs_n = (uint32_t)runs_n;
	return NULL;
}

static const char *keys_take(struct reader *reader, unsigned depth, uint8_t last);

/* search-key */
static const char *key_take(struct reader *reader, unsigned depth)
{
	struct wire_cursor *cursor = reader->cursor;
	struct wire_cursor start = *cursor;
	const struct key_name *name = key_names;
	const char *answer = NULL;
	struct span word;
	struct key *key;
	unsigned parts;

	if (depth == SEARCH_DEPTH_MAX)
		return answer_keys;
	if (wire_char(cursor, '(') > 0)
		return keys_take(reader, depth + 1, ')');
	/* No name begins with a digit. */
	if (wire_at(cursor, '*') || (cursor->end > cursor->ptr && *cursor->ptr <= '9'))
		return set_take(reader, KEY_SEQUENCE);
	if (wire_atom(cursor, &word) < 0)
		return answer_arguments;
	if (span_eq_fold(word, span_of("UID")))
		return wire_space(cursor) < 0 ? answer_arguments : set_take(reader, KEY_UID);
	parts = span_eq_fold(word, span_of("NOT")) ? 1 : span_eq_fold(word, span_of("OR")) ? 2 : 0;
	if (parts > 0) {
		key = key_add(reader, parts == 1 ? KEY_NOT : KEY_OR);
		for (unsigned k = 0; key != NULL && k < parts && answer == NULL; k++)
			answer = wire_space(cursor) < 0 ? answer_arguments
							: key_take(reader, depth + 1);
		if (key != NULL)
			key->end = (uint16_t)reader->search->keys_n;
		return key == NULL ? keys_full(reader) : answer;
	}
	while (name < key_names + sizeof(key_names) / sizeof(key_names[0]) &&
	       !span_eq_fold(word, span_of(name->name)))
		name++;
	if (name == key_names + sizeof(key_names) / sizeof(key_names[0])) {
		*cursor = start;
		return answer_arguments;
	}
	key = key_add(reader, name->kind);
	if (key == NULL)
		return keys_full(reader);
	key->negated = name->negated;
	key->number = name->number;
	return argument_take(reader, name, key);
}

/* search-key *(SP search-key), up to the byte `last` or, for 0, the command's end. */
static const char *keys_take(struct reader *reader, unsigned depth, uint8_t last)
{
	struct key *key = key_add(reader, KEY_AND);
	const char *answer;

	if (key == NULL)
		return keys_full(reader);
	do {
		answer = key_take(reader, depth);
		if (answer != NULL)
			return answer;
	} while (wire_space(reader->cursor) > 0);
	key->end = (uint16_t)reader->search->keys_n;
	if ((last != 0 ? wire_char(reader->cursor, last) : wire_end(reader->cursor)) < 0)
		return answer_arguments;
	return NULL;
}

static const char *search_read(struct session *session, struct wire_cursor *cursor,
			       struct arena *arena)
{
	struct search *search = arena_take(arena, sizeof(*search));
	struct reader reader = {session, search, arena, cursor};
	struct wire_cursor at;
	struct wire_string charset;
	struct span word;

	ASSERT(search != NULL);
	*search = (struct search){.by_uid = (session->command->flags & COMMAND_UID) != 0};
	/* Half of the block for keys, the rest for their sets. */
	search->keys_room = (unsigned)(arena->capacity / 2 / sizeof(*search->keys));
	if (search->keys_room > SEARCH_KEYS_MAX)
		search->keys_room = SEARCH_KEYS_MAX;
	search->keys = arena_take(arena, search->keys_room * sizeof(*search->keys));
	ASSERT(search->keys != NULL);
	if (wire_space(cursor) < 0)
		return answer_arguments;
	at = *cursor;
	if (wire_atom(&at, &word) > 0 && span_eq_fold(word, span_of("CHARSET"))) {
		if (wire_space(&at) < 0 || wire_astring(&at, &charset) < 0 || wire_space(&at) < 0)
			return answer_arguments;
		if (!span_eq_fold(charset.raw, span_of("US-ASCII")) &&
		    !span_eq_fold(charset.raw, span_of("UTF-8")))
			return answer_charset;
		*cursor = at;
	}
	return keys_take(&reader, 0, 0);
}

const char *cmd_search_begin(struct session *session, struct wire_cursor *cursor)
{
	return session_job_read(session, cursor, search_read);
}

/* --- Answering --- */

/* The day a message arrived, where it arrived. */
static int64_t day_of(const struct store_view *view, uint32_t index)
{
	struct store_date date = store_view_date(view, index);
	int64_t local_s = date.utc_s + date.zone_min * 60;

	return local_s >= 0 ? local_s / 86400 : -((86399 - local_s) / 86400);
}

static bool key_holds(const struct store_view *view, const struct key *key, uint32_t index)
{
	struct store_flags flags;

	switch ((enum key_kind)key->kind) {
	case KEY_FLAG:
		store_view_flags(view, index, &flags);
		return (flags.system & (uint32_t)key->number) != 0;
	case KEY_KEYWORD:
		if (key->number < 0)
			return false;
		store_view_flags(view, index, &flags);
		return flags.keywords[key->number / 64] >> key->number % 64 & 1;
	case KEY_LARGER:
		return store_view_size(view, index) > key->number;
	case KEY_SMALLER:
		return store_view_size(view, index) < key->number;
	case KEY_BEFORE:
		return day_of(view, index) < key->number;
	case KEY_ON:
		return day_of(view, index) == key->number;
	case KEY_SINCE:
		return day_of(view, index) >= key->number;
	case KEY_SEQUENCE:
		return wire_seqset_has(key->runs, key->runs_n, index + 1);
	case KEY_UID:
		return wire_seqset_has(key->runs, key->runs_n, store_view_uid(view, index));
	default:
		return key->kind == KEY_ALL;
	}
}

/* Bounded by SEARCH_DEPTH_MAX when it was read. */
static bool holds(const struct store_view *view, const struct search *search, unsigned k,
		  uint32_t index)
{
	const struct key *key = &search->keys[k];

	if (key->kind == KEY_NOT)
		return !holds(view, search, k + 1, index);
	if (key->kind == KEY_AND || key->kind == KEY_OR) {
		bool wanted = key->kind == KEY_OR;

		for (k++; k < key->end; k = search->keys[k].end)
			if (holds(view, search, k, index) == wanted)
				return wanted;
		return !wanted;
	}
	return key_holds(view, key, index) != key->negated;
}

enum row cmd_search_row(struct session *session, struct wire_text *text)
{
	const struct search *search = session->job;
	const struct store_view *view = session->view;
	uint32_t count = store_view_count(view), first, end;
	uint32_t rows = (count + SEARCH_ROW_MESSAGES - 1) / SEARCH_ROW_MESSAGES;

	if (session->row == 0)
		wire_text_str(text, "* SEARCH");
	if (session->row == rows)
		wire_text_str(text, "\r\n");
	if (session->row > rows) {
		session->answer = "OK SEARCH completed";
		return ROW_END;
	}
	first = session->row * SEARCH_ROW_MESSAGES;
	end = count - first < SEARCH_ROW_MESSAGES ? count : first + SEARCH_ROW_MESSAGES;
	for (uint32_t index = first; session->row < rows && index < end; index++) {
		if (!holds(view, search, 0, index))
			continue;
		wire_text_str(text, " ");
		wire_text_number(text, search->by_uid ? store_view_uid(view, index) : index + 1);
	}
	return ROW_TEXT;
}
