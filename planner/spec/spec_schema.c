/* The field table as a JSON Schema, for editors and for programs that write specs. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "planner/spec/fields.h"
#include "planner/spec/spec.h"

/* Any value may contain a variable; the schema cannot check its content. */
static const char with_variable[] = "\\$\\{";

/* A scalar that is read as a string. Other YAML readers may see a number or a boolean in
 * 1.10 or no. */
static json_t *
spec_schema_text(const struct field *f)
{
	json_t *j, *choices;

	if (f->choices) {
		choices = json_array();
		for (size_t i = 0; f->choices[i]; i++)
			json_array_append_new(choices, json_string(f->choices[i]));
		j = json_pack("{s:[{s:o}, {s:s, s:s}]}", "anyOf", "enum", choices, "type", "string",
			      "pattern", with_variable);
		if (f->pattern)
			json_array_append_new(json_object_get(j, "anyOf"),
					      json_pack("{s:s, s:s}", "type", "string",
							"pattern", f->pattern));
		return j;
	}
	j = json_pack("{s:[s, s, s]}", "type", "string", "number", "boolean");
	if (f->pattern)
		json_object_set_new(j, "pattern",
				    json_sprintf("%s|%s%s", f->pattern, with_variable,
						 f->flags & FIELD_RANGE ? "|\\[" : ""));
	if (f->longest)
		json_object_set_new(j, "maxLength", json_integer((json_int_t)f->longest));
	return j;
}

static json_t *
spec_schema_pairs(const struct field *f)
{
	json_t *value = f->type == FIELD_ARGS
				? json_pack("{s:[o, {s:s, s:o}]}", "anyOf", spec_schema_text(f),
					    "type", "array", "items", spec_schema_text(f))
				: spec_schema_text(f);

	return json_pack("{s:[s, s], s:{s:s}, s:o}", "type", "object", "null", "propertyNames",
			 "pattern", f->key_pattern, "additionalProperties", value);
}

static json_t *spec_schema_group(const struct field_group *g);

static json_t *
spec_schema_field(const struct field *f)
{
	json_t *j = NULL;

	switch (f->type) {
	case FIELD_TEXT:
		j = spec_schema_text(f);
		break;
	case FIELD_NUMBER:
		j = json_pack("{s:[{s:s, s:I, s:I}, {s:s, s:s}]}", "anyOf", "type", "integer",
			      "minimum", (json_int_t)f->min, "maximum", (json_int_t)f->max,
			      "type", "string", "pattern", "^[0-9]+$|\\$\\{");
		break;
	case FIELD_SECRET:
		j = json_pack("{s:s, s:s}", "type", "string", "pattern", "^(env|file|cmd):.+");
		break;
	case FIELD_TEXTS:
		j = json_pack("{s:[s, s], s:o}", "type", "array", "null", "items", spec_schema_text(f));
		if (f->flags & FIELD_ONE)
			j = json_pack("{s:[o, o]}", "anyOf", spec_schema_text(f), j);
		break;
	case FIELD_GROUPS:
		j = json_pack("{s:[s, s], s:o}", "type", "array", "null", "items",
			      spec_schema_group(f->group));
		break;
	case FIELD_TREE:
		j = json_pack("{s:[s, s]}", "type", "object", "null");
		break;
	case FIELD_PAIRS:
	case FIELD_ARGS:
	case FIELD_VARS:
		j = spec_schema_pairs(f);
		break;
	case FIELD_GROUP:
		j = spec_schema_group(f->group);
		break;
	case FIELD_LEFT:
		j = json_pack("{s:s, s:{s:s}}", "type", "array", "items", "$ref",
			      "#/properties/nodes/anyOf/0/items");
		break;
	case FIELD_NODES:
		j = json_pack("{s:[{s:s, s:i, s:{s:[{s:s}, o]}}, o]}", "anyOf",
			      "type", "array", "minItems", 1,
			      "items", "anyOf", "type", "string", spec_schema_group(f->group),
			      spec_schema_group(&inventory_fields));
		break;
	}
	if (!j)
		abort();
	json_object_set_new(j, "description", json_string(f->doc));
	if (f->fallback)
		json_object_set_new(j, "default", f->type == FIELD_NUMBER
			? json_integer(strtoll(f->fallback, NULL, 10)) : json_string(f->fallback));
	return j;
}

static json_t *
spec_schema_group(const struct field_group *g)
{
	json_t *properties = json_object(), *required = json_array(), *j;

	for (const struct field *f = g->field; f->name; f++) {
		json_object_set_new(properties, f->name, spec_schema_field(f));
		if (f->flags & FIELD_REQUIRED)
			json_array_append_new(required, json_string(f->name));
	}
	j = json_pack("{s:s, s:b, s:o}", "type", "object", "additionalProperties", 0,
		      "properties", properties);
	if (json_array_size(required))
		json_object_set(j, "required", required);
	json_decref(required);
	return j;
}

const char *
spec_schema(struct arena *a)
{
	json_t *j = spec_schema_group(&spec_fields);
	char *text_of;
	const char *copy;

	json_object_set_new(j, "$schema", json_string("https://json-schema.org/draft/2020-12/schema"));
	json_object_set_new(j, "title", json_string("dray.yaml"));
	json_object_set_new(j, "description", json_string("A model, and the hosts that serve it."));
	text_of = json_dumps(j, JSON_INDENT(2));
	if (!text_of)
		abort();
	copy = arena_printf(a, "%s\n", text_of);
	free(text_of);
	json_decref(j);
	return copy;
}
