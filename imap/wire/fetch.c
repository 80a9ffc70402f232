/* SPDX-License-Identifier: Apache-2.0 */
#include "grammar.h"

/* What may follow an item's keyword. */
enum follows {
	FOLLOWS_NOTHING,
	FOLLOWS_MAYBE_SECTION, /* BODY is an item with a section and another without one */
	FOLLOWS_SECTION,       /* section [partial] */
	FOLLOWS_PARTS,	       /* section-binary [partial] */
	FOLLOWS_PARTS_ONLY,    /* section-binary */
};

/*
 * RFC 3501 and RFC 9051, section 9: fetch and fetch-att; RFC 3516 for BINARY. The items of
 * RFC 822 are sections by other names (RFC 3501 6.4.5).
 */
static const struct item {
	const char *keyword;
	enum wire_fetch_kind kind;
	enum wire_section section;
	bool peek;
	enum follows follows;
} items[] = {
	{"FLAGS", WIRE_FETCH_FLAGS, WIRE_SECTION_ALL, false, FOLLOWS_NOTHING},
	{"UID", WIRE_FETCH_UID, WIRE_SECTION_ALL, false, FOLLOWS_NOTHING},
	{"INTERNALDATE", WIRE_FETCH_INTERNALDATE, WIRE_SECTION_ALL, false, FOLLOWS_NOTHING},
	{"RFC822.SIZE", WIRE_FETCH_SIZE, WIRE_SECTION_ALL, false, FOLLOWS_NOTHING},
	{"BODY.PEEK", WIRE_FETCH_SECTION, WIRE_SECTION_ALL, true, FOLLOWS_SECTION},
	{"BODY", WIRE_FETCH_BODY, WIRE_SECTION_ALL, false, FOLLOWS_MAYBE_SECTION},
	{"BODYSTRUCTURE", WIRE_FETCH_BODYSTRUCTURE, WIRE_SECTION_ALL, false, FOLLOWS_NOTHING},
	{"ENVELOPE", WIRE_FETCH_ENVELOPE, WIRE_SECTION_ALL, false, FOLLOWS_NOTHING},
	{"RFC822", WIRE_FETCH_SECTION, WIRE_SECTION_ALL, false, FOLLOWS_NOTHING},
	{"RFC822.HEADER", WIRE_FETCH_SECTION, WIRE_SECTION_HEADER, true, FOLLOWS_NOTHING},
	{"RFC822.TEXT", WIRE_FETCH_SECTION, WIRE_SECTION_TEXT, false, FOLLOWS_NOTHING},
	{"BINARY", WIRE_FETCH_BINARY, WIRE_SECTION_ALL, false, FOLLOWS_PARTS},
	{"BINARY.PEEK", WIRE_FETCH_BINARY, WIRE_SECTION_ALL, true, FOLLOWS_PARTS},
	{"BINARY.SIZE", WIRE_FETCH_BINARY_SIZE, WIRE_SECTION_ALL, true, FOLLOWS_PARTS_ONLY},
	{"ALL", WIRE_FETCH_ALL, WIRE_SECTION_ALL, false, FOLLOWS_NOTHING},
	{"FAST", WIRE_FETCH_FAST, WIRE_SECTION_ALL, false, FOLLOWS_NOTHING},
	{"FULL", WIRE_FETCH_FULL, WIRE_SECTION_ALL, false, FOLLOWS_NOTHING},
};

static const struct item *item_find(struct span keyword)
{
	for (size_t i = 0; i < sizeof(items) / sizeof(items[0]); i++)
		if (span_eq_fold(keyword, span_of(items[i].keyword)))
			return &items[i];
	return NULL;
}

/* section-part; a dot behind it announces a section-text. */
static int section_part(struct wire_cursor *at, struct wire_fetch *fetch, bool *dot_r)
{
	*dot_r = false;
	while (at->ptr < at->end && grammar_digit(*at->ptr)) {
		int rc;

		if (fetch->depth == WIRE_PATH_DEPTH_MAX)
			return WIRE_BAD;
		rc = grammar_nz_number(at, &fetch->path[fetch->depth]);
		if (rc < 0)
			return rc;
		fetch->depth++;
		*dot_r = wire_at(at, '.');
		if (!*dot_r)
			break;
		at->ptr++;
	}
	return at->ptr < at->end ? 1 : WIRE_NEED_MORE;
}

/* header-list (RFC 3501 section 9). */
static int header_list(struct wire_cursor *at, struct wire_fetch *fetch)
{
	const uint8_t *first = at->ptr;
	struct wire_string name;
	uint8_t before = '(';
	int rc;

	do {
		if ((rc = wire_char(at, before)) < 0 || (rc = wire_astring(at, &name)) < 0)
			return rc;
		fetch->names_n++;
		before = ' ';
	} while (!wire_at(at, ')'));
	at->ptr++;
	fetch->names = (struct span){first, (size_t)(at->ptr - first)};
	return 1;
}

/* section-text, of which MIME needs a part before it. */
static int section_text(struct wire_cursor *at, struct wire_fetch *fetch)
{
	static const struct {
		const char *keyword;
		enum wire_section section;
	} texts[] = {
		{"HEADER.FIELDS", WIRE_SECTION_FIELDS},
		{"HEADER", WIRE_SECTION_HEADER},
		{"TEXT", WIRE_SECTION_TEXT},
		{"MIME", WIRE_SECTION_MIME},
		{"HEADER.FIELDS.NOT", WIRE_SECTION_FIELDS_NOT},
	};
	struct span keyword;
	int rc = grammar_keyword(at, &keyword);

	if (rc < 0)
		return rc;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (span_eq_fold(keyword, span_of(texts[i].keyword)))
			fetch->section = texts[i].section;
	if (fetch->section == WIRE_SECTION_ALL ||
	    (fetch->section == WIRE_SECTION_MIME && fetch->depth == 0))
		return WIRE_BAD;
	if (fetch->section != WIRE_SECTION_FIELDS && fetch->section != WIRE_SECTION_FIELDS_NOT)
		return rc;
	rc = wire_space(at);
	return rc < 0 ? rc : header_list(at, fetch);
}

static int section(struct wire_cursor *at, bool parts_only, struct wire_fetch *fetch)
{
	bool dot;
	int rc;

	if ((rc = wire_char(at, '[')) < 0 || (rc = section_part(at, fetch, &dot)) < 0)
		return rc;
	if (dot || (fetch->depth == 0 && !wire_at(at, ']'))) {
		rc = parts_only ? WIRE_BAD : section_text(at, fetch);
		if (rc < 0)
			return rc;
	}
	return wire_char(at, ']');
}

/* partial (RFC 9051 section 9). */
static int partial(struct wire_cursor *at, struct wire_fetch *fetch)
{
	uint64_t len;
	int rc;

	if ((rc = wire_char(at, '<')) < 0 ||
	    (rc = wire_number(at, INT64_MAX, &fetch->partial_off)) < 0 ||
	    (rc = wire_char(at, '.')) < 0 || (rc = grammar_nz_number64(at, &len)) < 0)
		return rc;
	fetch->partial = true;
	fetch->partial_len = len < UINT32_MAX ? (uint32_t)len : UINT32_MAX;
	return wire_char(at, '>');
}

int wire_fetch_att(struct wire_cursor *cursor, struct wire_fetch *fetch_r)
{
	struct wire_cursor at = *cursor;
	const struct item *item;
	enum follows follows;
	int rc;

	rc = grammar_keyword(&at, &fetch_r->name);
	if (rc < 0)
		return rc;
	item = item_find(fetch_r->name);
	if (item == NULL)
		return WIRE_BAD;
	fetch_r->kind = item->kind;
	fetch_r->peek = item->peek;
	fetch_r->section = item->section;
	fetch_r->depth = 0;
	fetch_r->names = (struct span){NULL, 0};
	fetch_r->names_n = 0;
	fetch_r->partial = false;
	fetch_r->partial_off = 0;
	fetch_r->partial_len = 0;

	follows = item->follows;
	if (follows == FOLLOWS_MAYBE_SECTION && wire_at(&at, '[')) {
		fetch_r->kind = WIRE_FETCH_SECTION;
		follows = FOLLOWS_SECTION;
	}
	if (follows >= FOLLOWS_SECTION) {
		rc = section(&at, follows != FOLLOWS_SECTION, fetch_r);
		if (rc < 0)
			return rc;
		/* A partial may follow: without the next byte the item may go on. */
		if (follows != FOLLOWS_PARTS_ONLY && at.ptr == at.end)
			return WIRE_NEED_MORE;
	}
	if ((follows == FOLLOWS_SECTION || follows == FOLLOWS_PARTS) && wire_at(&at, '<')) {
		rc = partial(&at, fetch_r);
		if (rc < 0)
			return rc;
	}
	return grammar_moved(cursor, at.ptr);
}
