/* Text of a node -> a member of a struct. Whatever the text is, the member is in its range. */
#include "planner/facts/column.h"

#include <ctype.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "planner/base/str.h"
#include "planner/facts/facts.h"

/* Limits a number so that sums, and products with 1024, do not overflow. */
static long long
column_number(const char *s)
{
	long long x = strtoll(s, NULL, 10), most = 1LL << 48;

	return x > most ? most : x < -most ? -most : x;
}

static int
column_int(const char *s)
{
	long long x = column_number(s);

	return x < INT_MIN || x > INT_MAX ? -1 : (int)x;
}

bool
column_is_name(const char *s)
{
	size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._:@-");

	return n > 0 && n < 64 && !s[n] && *s != '-';
}

static bool
column_is_digest(const char *s)
{
	return strlen(s) == 64 && strspn(s, "0123456789abcdef") == 64;
}

/* Sets a number or a boolean at `to`. */
static void
column_fill_number(const char *s, enum column_kind kind, void *to)
{
	long long x = column_number(s);
	int small = column_int(s);

	switch (kind) {
	case COLUMN_COUNT:
		*(long long *)to = isdigit((unsigned char)*s) ? x : -1;
		return;
	case COLUMN_POSITIVE: /* sysfs says -1 if the speed of a card is unknown */
		*(long long *)to = x > 0 ? x : 0;
		return;
	case COLUMN_INT:
		*(int *)to = small;
		return;
	case COLUMN_PREFIX:
		*(int *)to = small < 0 || small > 128 ? 0 : small;
		return;
	case COLUMN_LONG:
		*(long *)to = small;
		return;
	default:
		*(long long *)to = x;
		return;
	}
}

bool
column_fill(struct arena *a, const char *s, enum column_kind kind, void *to)
{
	bool dash = strcmp(s, "-") == 0;

	switch (kind) {
	case COLUMN_NAME:
	case COLUMN_ADDRESS:
	case COLUMN_TEXT:
		*(const char **)to = s;
		return kind == COLUMN_NAME ? column_is_name(s)
					   : kind == COLUMN_TEXT || str_ip(s, NULL);
	case COLUMN_WORD:
		*(const char **)to = dash ? "" : s;
		return true;
	case COLUMN_MAYBE:
		*(const char **)to = dash || !*s ? NULL : s;
		return true;
	case COLUMN_DIGITS:
		if (strlen(s) > 60 || s[strspn(s, "0123456789 ")])
			return false;
		*(const char **)to = s;
		return true;
	case COLUMN_DIGEST:
		*(const char **)to = column_is_digest(s) ? s : NULL;
		return true;
	case COLUMN_PROGRAM:
		*(const char **)to = facts_program(a, s);
		return true;
	case COLUMN_YES:
	case COLUMN_ALIVE:
		*(bool *)to = strcmp(s, kind == COLUMN_YES ? "yes" : "alive") == 0;
		return true;
	case COLUMN_NOT_NO:
		*(bool *)to = strcmp(s, "no") != 0;
		return true;
	case COLUMN_ACTIVE: /* "4: ACTIVE" */
		*(bool *)to = strstr(s, "ACTIVE") != NULL;
		return true;
	case COLUMN_FOREIGN:
		*(bool *)to = strcmp(s, "other") == 0 || strcmp(s, "unknown") == 0;
		return true;
	default:
		column_fill_number(s, kind, to);
		return true;
	}
}
