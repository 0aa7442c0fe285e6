/* The reference of ctx, as a page and as annotations for the Lua language server. */
#include <string.h>

#include "lua/api.h"
#include "lua/vm.h"

static const struct function {
	const char *name, *doc, *example;
	bool waits;
} functions[] = {
#define API(name, waits, doc, example) {#name, doc, example, waits},
#include "lua/api.def"
};

/* A parameter, an item of the options or of the result, or what is returned. */
enum part { PART_PARAM, PART_OPTION, PART_RETURN, PART_RESULT };
static const struct item {
	enum api_function of;
	enum part part;
	const char *name, *type, *doc;
} items[] = {
#define PARAM(api, name, luals, doc) {API_##api, PART_PARAM, name, luals, doc},
#define OPTION(api, name, type, luals, doc) {API_##api, PART_OPTION, name, luals, doc},
#define RETURN(api, luals) {API_##api, PART_RETURN, "", luals, ""},
#define RESULT(api, name, luals, doc) {API_##api, PART_RESULT, name, luals, doc},
#include "lua/api.def"
};
enum { NITEM = sizeof items / sizeof *items };

static const struct item *
next_item(enum api_function f, enum part part, size_t *at)
{
	while (*at < NITEM) {
		const struct item *item = &items[(*at)++];

		if (item->of == f && item->part == part)
			return item;
	}
	return NULL;
}

static bool
has(enum api_function f, enum part part)
{
	size_t at = 0;

	return next_item(f, part, &at) != NULL;
}

static const char *
type_of(enum api_function f, enum part part)
{
	size_t at = 0;
	const struct item *item = next_item(f, part, &at);

	return item ? item->type : NULL;
}

/* "format, ..." */
static void
parameters(struct str *to, enum api_function f)
{
	const struct item *item;
	size_t at = 0;

	for (bool first = true; (item = next_item(f, PART_PARAM, &at)); first = false)
		str_printf(to, "%s%s", first ? "" : ", ", item->name);
}

/* ---- the page --------------------------------------------------------------------------- */

/* A type in a cell: its bars are no borders. */
static void
cell(struct str *to, const char *type)
{
	for (; *type; type++) {
		if (*type == '|')
			str_putc(to, '\\');
		str_putc(to, *type);
	}
}

static void
table(struct str *to, enum api_function f, enum part part, const char *title)
{
	const struct item *item;
	size_t at = 0;

	if (!has(f, part))
		return;
	str_printf(to, "| %s | type | |\n|---|---|---|\n", title);
	while ((item = next_item(f, part, &at))) {
		str_printf(to, "| `%s` | ", item->name);
		cell(to, item->type);
		str_printf(to, " | %s |\n", item->doc);
	}
	str_putc(to, '\n');
}

static void
function_page(struct str *to, enum api_function f)
{
	const struct function *fn = &functions[f];
	const char *returns = type_of(f, PART_RETURN);

	str_printf(to, "### ctx:%s%s", fn->name, has(f, PART_OPTION) ? "{" : "(");
	if (has(f, PART_OPTION))
		str_puts(to, "...}");
	else
		parameters(to, f), str_putc(to, ')');
	if (returns && !has(f, PART_RESULT))
		str_printf(to, " -> %s", returns);
	str_printf(to, "\n\n%s%s\n\n", fn->doc, fn->waits ? " Only the function that calls it waits." : "");
	table(to, f, PART_OPTION, "option");
	table(to, f, PART_RESULT, "result");
	str_printf(to, "```lua\n%s\n```\n\n", fn->example);
}

static void
page(struct str *to)
{
	str_puts(to, "# Functions and events for Lua files\n\n"
		 "Made by `dray hooks api`; [lua.md](lua.md) tells what the files are for.\n\n"
		 "A function of a hook, a step kind or an inventory gets `ctx` first. Its plain members\n"
		 "are `ctx.config` (a hook's and an inventory's `config:`), and for a step kind `ctx.node`\n"
		 "(the node's name) and `ctx.step` (the step's address). Errors that a function raises can\n"
		 "be caught with pcall; what is not caught fails the call. `print` is `ctx:log`. Besides\n"
		 "there are assert error getmetatable ipairs next pairs pcall select setmetatable tonumber\n"
		 "tostring type xpcall, math, string, table and utf8 of Lua 5.4. Five seconds of computing\n"
		 "between two waits are the most. The functions of an executor have no `ctx` and cannot\n"
		 "print: they only return the words of a program.\n\n"
		 "## Functions\n\n");
	for (enum api_function f = 0; f < API_COUNT; f++)
		function_page(to, f);
}

/* ---- annotations ------------------------------------------------------------------------- */

/* "string?" is a field that may lack. */
static void
class(struct str *to, enum api_function f, enum part part, const char *name)
{
	const struct item *item;
	size_t at = 0;

	str_printf(to, "---@class %s\n", name);
	while ((item = next_item(f, part, &at))) {
		size_t n = strlen(item->type);
		bool lacks = n && item->type[n - 1] == '?';

		str_printf(to, "---@field %s%s %.*s %s\n", item->name, lacks ? "?" : "",
			   (int)(lacks ? n - 1 : n), item->type, item->doc);
	}
	str_putc(to, '\n');
}

static void
function_stub(struct str *to, enum api_function f)
{
	const struct item *item;
	size_t at = 0;

	str_printf(to, "---%s\n", functions[f].doc);
	while ((item = next_item(f, PART_PARAM, &at)))
		str_printf(to, "---@param %s %s %s\n", item->name, item->type, item->doc);
	if (type_of(f, PART_RETURN))
		str_printf(to, "---@return %s\n", type_of(f, PART_RETURN));
	str_printf(to, "function ctx:%s(", functions[f].name);
	parameters(to, f);
	str_puts(to, ") end\n\n");
}

static void
stub(struct str *to)
{
	str_puts(to, "---@meta dray\n"
		 "-- Annotations for the Lua language server; made by 'dray hooks api -format luals'.\n\n");
	for (enum api_function f = 0; f < API_COUNT; f++) {
		if (has(f, PART_OPTION))
			class(to, f, PART_OPTION, type_of(f, PART_PARAM));
		if (has(f, PART_RESULT))
			class(to, f, PART_RESULT, type_of(f, PART_RETURN));
	}
	str_puts(to, "---@class dray.ctx\n"
		 "---@field config table config: of the hook or the inventory\n"
		 "---@field node? string of a step kind: the node of the step\n"
		 "---@field step? string of a step kind: its address\n"
		 "local ctx = {}\n\n");
	for (enum api_function f = 0; f < API_COUNT; f++)
		function_stub(to, f);
}

void
vm_manual(struct str *to, enum vm_manual manual)
{
	if (manual == VM_LUALS)
		stub(to);
	else
		page(to);
}
