/* SPDX-License-Identifier: Apache-2.0 */
#include "wire.h"

enum {
	DAY_S = 24 * 60 * 60,
	ZONE_MIN_MAX = 99 * 60 + 59, /* four digits of hours and minutes carry no more */
};

/* 0000-01-01 00:00:00 and 9999-12-31 23:59:59, seconds from 1970. */
static const int64_t first_s = -62167219200, last_s = 253402300799;

static const char pairs[200] = "00010203040506070809101112131415161718192021222324"
			       "25262728293031323334353637383940414243444546474849"
			       "50515253545556575859606162636465666768697071727374"
			       "75767778798081828384858687888990919293949596979899";

static uint8_t *put_pair(uint8_t *p, unsigned number)
{
	return wire_put_bytes(p, &pairs[2 * number], 2);
}

static unsigned digits_u32(uint32_t number)
{
	/* Always the same few branches for numbers of a length, as those of a mailbox are. */
	if (number < 10000)
		return number < 100 ? number < 10 ? 1 : 2 : number < 1000 ? 3 : 4;
	if (number < 100000000)
		return number < 1000000 ? number < 100000 ? 5 : 6 : number < 10000000 ? 7 : 8;
	return number < 1000000000 ? 9 : 10;
}

static uint8_t *put_digits(uint8_t *p, uint32_t number, unsigned digits)
{
	uint8_t *at = p + digits;

	for (; at - p >= 2; number /= 100)
		put_pair(at -= 2, number % 100);
	if (at > p)
		*p = (uint8_t)('0' + number % 10);
	return p + digits;
}

uint8_t *wire_put_u64(uint8_t *p, uint64_t number)
{
	enum { LOW = 1000000000 }; /* nine digits */

	if (number <= UINT32_MAX)
		return put_digits(p, (uint32_t)number, digits_u32((uint32_t)number));
	p = wire_put_u64(p, number / LOW);
	return put_digits(p, (uint32_t)(number % LOW), 9);
}

/*
 * The proleptic Gregorian calendar, counted in years that begin in March so that the leap day
 * ends them, from 0000-03-01, in periods of 400 years of 146,097 days.
 */
static void day_render(struct wire_day *day)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	int64_t days = day->day + 719468;
	int64_t period = (days < 0 ? days - 146096 : days) / 146097;
	unsigned of_period = (unsigned)(days - period * 146097);
	unsigned of_years = of_period - of_period / 1460 + of_period / 36524 - of_period / 146096;
	unsigned year = of_years / 365;
	unsigned of_year = of_period - (365 * year + year / 4 - year / 100);
	unsigned march = (5 * of_year + 2) / 153; /* months since March */
	unsigned month = march < 10 ? march + 2 : march - 10;
	unsigned date = of_year - (153 * march + 2) / 5 + 1;
	unsigned full = (unsigned)(period * 400 + year + (month < 2));
	uint8_t *p = put_pair(day->text, date);

	if (date < 10)
		day->text[0] = ' '; /* date-day-fixed (RFC 3501 section 9) */
	*p++ = '-';
	p = wire_put_bytes(p, &months[3 * month], 3);
	*p++ = '-';
	p = put_pair(put_pair(p, full / 100), full % 100);
	*p = ' ';
}

uint8_t *wire_put_date(uint8_t *p, struct wire_day *day, int64_t utc_s, int zone_min)
{
	int64_t local_s, number;
	uint32_t of_day;
	unsigned zone;

	zone_min = zone_min > ZONE_MIN_MAX ? ZONE_MIN_MAX : zone_min;
	zone_min = zone_min < -ZONE_MIN_MAX ? -ZONE_MIN_MAX : zone_min;
	zone = (unsigned)(zone_min < 0 ? -zone_min : zone_min);
	local_s = utc_s < first_s ? first_s : utc_s > last_s ? last_s : utc_s;
	local_s += zone_min * 60;
	local_s = local_s < first_s ? first_s : local_s > last_s ? last_s : local_s;
	number = (local_s - first_s) / DAY_S + first_s / DAY_S;
	of_day = (uint32_t)(local_s - number * DAY_S);
	if (!day->valid || day->day != number) {
		day->day = number;
		day->valid = true;
		day_render(day);
	}

	*p++ = '"';
	p = wire_put_bytes(p, day->text, sizeof(day->text));
	p = put_pair(p, of_day / 3600);
	*p++ = ':';
	p = put_pair(p, of_day / 60 % 60);
	*p++ = ':';
	p = put_pair(p, of_day % 60);
	*p++ = ' ';
	*p++ = zone_min < 0 ? '-' : '+';
	p = put_pair(put_pair(p, zone / 60), zone % 60);
	*p++ = '"';
	return p;
}

void wire_text_add(struct wire_text *text, struct span s)
{
	const size_t room = text->capacity - text->len, n = s.len < room ? s.len : room;

	if (n > 0)
		memcpy(text->ptr + text->len, s.ptr, n);
	text->len += n;
	text->full |= n < s.len;
}

void wire_text_str(struct wire_text *text, const char *s)
{
	wire_text_add(text, span_of(s));
}

void wire_text_number(struct wire_text *text, uint64_t number)
{
	uint8_t digits[WIRE_NUMBER_BYTES_MAX];
	uint8_t *end = wire_put_u64(digits, number);

	wire_text_add(text, (struct span){digits, (size_t)(end - digits)});
}

static void text_byte(struct wire_text *text, uint8_t byte)
{
	wire_text_add(text, (struct span){&byte, 1});
}

/* A quoted string carries no line ends and, before IMAP4rev2 is enabled, only US-ASCII. */
static bool quotable(struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.ptr[i] == '\0' || s.ptr[i] == '\r' || s.ptr[i] == '\n' || s.ptr[i] >= 0x80)
			return false;
	return true;
}

static void text_literal(struct wire_text *text, struct span s)
{
	text_byte(text, '{');
	wire_text_number(text, s.len);
	wire_text_str(text, "}\r\n");
	/* A literal carries everything but NUL (CHAR8); other servers send 0x80 in its place. */
	for (size_t i = 0; i < s.len && !text->full; i++)
		text_byte(text, s.ptr[i] != '\0' ? s.ptr[i] : 0x80);
}

void wire_text_string(struct wire_text *text, struct span s)
{
	if (!quotable(s)) {
		text_literal(text, s);
		return;
	}
	text_byte(text, '"');
	for (size_t i = 0; i < s.len && !text->full; i++) {
		if (s.ptr[i] == '"' || s.ptr[i] == '\\')
			text_byte(text, '\\');
		text_byte(text, s.ptr[i]);
	}
	text_byte(text, '"');
}
