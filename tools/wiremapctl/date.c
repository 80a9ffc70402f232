/* SPDX-License-Identifier: Apache-2.0 */
#include "date.h"

#include "fields.h"

enum { WORDS_MAX = 10, WORD_BYTES_MAX = 12 };

/* The words of a date, folded to lower case; comments and commas are space (RFC 5322 3.2.2). */
struct words {
	char text[WORDS_MAX][WORD_BYTES_MAX + 1];
	unsigned n;
};

static bool words_split(struct span text, struct words *words)
{
	unsigned depth = 0, len = 0;

	words->n = 0;
	for (size_t i = 0; i <= text.len; i++) {
		uint8_t c = i < text.len ? text.ptr[i] : ' ';

		if (c == '(' || (c == ')' && depth > 0)) {
			depth += c == '(' ? 1u : -1u;
			c = ' ';
		}
		if (depth > 0 || c == ',' || c == '\t' || c == '\r' || c == '\n')
			c = ' ';
		if (c == ' ' && len > 0) {
			words->text[words->n++][len] = '\0';
			len = 0;
		} else if (c != ' ') {
			if (words->n == WORDS_MAX || len == WORD_BYTES_MAX)
				return false;
			words->text[words->n][len++] = (char)span_lower(c);
		}
	}
	return true;
}

static bool number(const char **at, unsigned digits_min, unsigned digits_max, int *value_r)
{
	unsigned digits = 0;

	*value_r = 0;
	while (**at >= '0' && **at <= '9' && digits < digits_max) {
		*value_r = *value_r * 10 + (*(*at)++ - '0');
		digits++;
	}
	return digits >= digits_min;
}

static bool number_word(const char *word, unsigned digits_max, int *value_r)
{
	return number(&word, 1, digits_max, value_r) && *word == '\0';
}

/* 0 to 11, or -1. */
static int month(const char *word)
{
	static const char names[] = "janfebmaraprmayjunjulaugsepoctnovdec";

	if (strlen(word) < 3)
		return -1;
	for (int k = 0; k < 12; k++)
		if (memcmp(word, names + k * 3, 3) == 0)
			return k;
	return -1;
}

static bool time_of_day(const char *word, int *seconds_r)
{
	int hour, minute, second = 0;

	if (!number(&word, 1, 2, &hour) || *word++ != ':' || !number(&word, 2, 2, &minute))
		return false;
	if (*word == ':') {
		word++;
		if (!number(&word, 2, 2, &second))
			return false;
	}
	*seconds_r = hour * 3600 + minute * 60 + second;
	return *word == '\0' && hour < 24 && minute < 60 && second <= 60;
}

/* Minutes east of UTC. Names other than these say nothing sure: UTC (RFC 5322 4.3). */
static bool zone(const char *word, int *minutes_r)
{
	static const struct {
		const char name[4];
		int hours;
	} names[] = {
		{"est", -5}, {"edt", -4}, {"cst", -6}, {"cdt", -5}, {"mst", -7},
		{"mdt", -6}, {"pst", -8}, {"pdt", -7}, {"cet", 1},  {"bst", 1},
	};
	const char *at = word + 1;
	int value;

	*minutes_r = 0;
	if (*word == '+' || *word == '-') {
		if (!number(&at, 4, 4, &value) || *at != '\0' || value % 100 >= 60)
			return false;
		value = value / 100 * 60 + value % 100;
		*minutes_r = *word == '-' ? -value : value;
		return true;
	}
	for (size_t k = 0; k < sizeof(names) / sizeof(names[0]); k++)
		if (strcmp(word, names[k].name) == 0)
			*minutes_r = names[k].hours * 60;
	return *word >= 'a' && *word <= 'z';
}

/* Days since 1970-01-01 of the proleptic Gregorian calendar; years run from March. */
static int64_t days_of(int year, int month0, int day)
{
	int64_t y = month0 < 2 ? year - 1 : year;
	int64_t from_march = (month0 + 10) % 12;
	int64_t day_of_year = (153 * from_march + 2) / 5 + day - 1;

	return y * 365 + y / 4 - y / 100 + y / 400 + day_of_year - 719468;
}

static bool date_make(int year, int month0, int day, int seconds, int zone_min,
		      struct store_date *date_r)
{
	if (month0 < 0 || day < 1 || day > 31 || year < 1900 || year > 9999)
		return false;
	date_r->utc_s = days_of(year, month0, day) * 86400 + seconds - zone_min * 60;
	date_r->zone_min = (int16_t)zone_min;
	return true;
}

static bool year_word(const char *word, int *year_r)
{
	if (!number_word(word, 4, year_r))
		return false;
	if (strlen(word) == 2)
		*year_r += *year_r < 50 ? 2000 : 1900;
	else if (strlen(word) == 3)
		*year_r += 1900;
	return true;
}

bool date_mail(struct span text, struct store_date *date_r)
{
	struct words words;
	unsigned at;
	int year, day, seconds, zone_min = 0;

	if (!words_split(text, &words) || words.n < 4)
		return false;
	at = words.text[0][0] >= '0' && words.text[0][0] <= '9' ? 0 : 1;
	if (words.n < at + 4)
		return false;
	if (words.n > at + 4 && !zone(words.text[at + 4], &zone_min))
		zone_min = 0;
	return number_word(words.text[at], 2, &day) && year_word(words.text[at + 2], &year) &&
	       time_of_day(words.text[at + 3], &seconds) &&
	       date_make(year, month(words.text[at + 1]), day, seconds, zone_min, date_r);
}

bool date_ctime(struct span text, struct store_date *date_r)
{
	struct words words;
	unsigned at = 4;
	int year, day, seconds, zone_min = 0, other;

	if (!words_split(text, &words) || words.n < 5 || !number_word(words.text[2], 2, &day) ||
	    !time_of_day(words.text[3], &seconds))
		return false;
	/* The zone stands before the year, or after it, or before it by two names (CET DST). */
	while (at < words.n && !number_word(words.text[at], 4, &other) &&
	       zone(words.text[at], &other)) {
		zone_min = other;
		at++;
	}
	if (at >= words.n || !year_word(words.text[at], &year))
		return false;
	if (at + 1 < words.n && zone(words.text[at + 1], &other))
		zone_min = other;
	return date_make(year, month(words.text[1]), day, seconds, zone_min, date_r);
}

bool date_message(struct span message, struct store_date *date_r)
{
	struct span value;

	if (field_find(message, "received", &value)) {
		const uint8_t *semicolon = memrchr(value.ptr, ';', value.len);

		if (semicolon != NULL &&
		    date_mail((struct span){semicolon + 1,
					    (size_t)(value.ptr + value.len - semicolon - 1)},
			      date_r))
			return true;
	}
	return field_find(message, "date", &value) && date_mail(value, date_r);
}
