"""The messages of plugin protocol 6 (tfplugin6.proto) that this provider speaks, by the names of their methods."""

from __future__ import annotations

from keeptrusts.terraform.plugin.protobuf import Message, data, dynamic, dynamics, flag, integer, keyed, many, one, text

SERVICE = "/tfplugin6.Provider/"

STEP = Message(
    attribute_name=text(1, oneof=True),
    element_key_string=text(2, oneof=True),
    element_key_int=integer(3, oneof=True),
)
PATH = Message(steps=many(1, STEP))
DIAGNOSTIC = Message(severity=integer(1), summary=text(2), detail=text(3), attribute=one(4, PATH))
ONLY_DIAGNOSTICS = Message(diagnostics=many(1, DIAGNOSTIC))

_PLAIN = {
    "name": text(1),
    "type": data(2),
    "description": text(3),
    "required": flag(4),
    "optional": flag(5),
    "computed": flag(6),
    "sensitive": flag(7),
    "description_kind": integer(8),
    "deprecated": flag(9),
    "write_only": flag(11),
}
INNER_ATTRIBUTE = Message(**_PLAIN)
NESTED_OBJECT = Message(attributes=many(1, INNER_ATTRIBUTE), nesting=integer(3))
ATTRIBUTE = Message(**_PLAIN, nested_type=one(10, NESTED_OBJECT))
"""Objects are nested one deep here, so the declaration need not refer to itself."""
INNER_BLOCK = Message(
    version=integer(1),
    attributes=many(2, ATTRIBUTE),
    description=text(4),
    description_kind=integer(5),
)
NESTED_BLOCK = Message(
    type_name=text(1), block=one(2, INNER_BLOCK), nesting=integer(3), min_items=integer(4), max_items=integer(5)
)
BLOCK = Message(
    version=integer(1),
    attributes=many(2, ATTRIBUTE),
    block_types=many(3, NESTED_BLOCK),
    description=text(4),
    description_kind=integer(5),
)
SCHEMA = Message(version=integer(1), block=one(2, BLOCK))
SERVER_CAPABILITIES = Message(plan_destroy=flag(1), get_provider_schema_optional=flag(2), move_resource_state=flag(3))
CLIENT_CAPABILITIES = Message(deferral_allowed=flag(1), write_only_attributes_allowed=flag(2))
RAW_STATE = Message(json=data(1))
IDENTITY = Message(identity_data=dynamic(1))
IDENTITY_ATTRIBUTE = Message(
    name=text(1), type=data(2), required_for_import=flag(3), optional_for_import=flag(4), description=text(5)
)
IDENTITY_SCHEMA = Message(version=integer(1), identity_attributes=many(2, IDENTITY_ATTRIBUTE))
IMPORTED = Message(type_name=text(1), state=dynamic(2), private=data(3), identity=one(4, IDENTITY))
TYPE_NAME = Message(type_name=text(1))
PARAMETER = Message(
    name=text(1), type=data(2), allow_null_value=flag(3), allow_unknown_values=flag(4), description=text(5)
)
FUNCTION = Message(
    parameters=many(1, PARAMETER),
    returned=one(3, Message(type=data(1))),
    summary=text(4),
    description=text(5),
)
FUNCTION_NAME = Message(name=text(1))
FUNCTION_ERROR = Message(text=text(1), function_argument=integer(2, oneof=True))
EMPTY = Message()


REQUESTS: dict[str, Message] = {
    "GetMetadata": EMPTY,
    "GetProviderSchema": EMPTY,
    "GetResourceIdentitySchemas": EMPTY,
    "GetFunctions": EMPTY,
    "CallFunction": Message(name=text(1), arguments=dynamics(2)),
    "ValidateProviderConfig": Message(config=dynamic(1)),
    "ValidateResourceConfig": Message(
        type_name=text(1), config=dynamic(2), client_capabilities=one(3, CLIENT_CAPABILITIES)
    ),
    "ValidateDataResourceConfig": Message(type_name=text(1), config=dynamic(2)),
    "UpgradeResourceState": Message(type_name=text(1), version=integer(2), raw_state=one(3, RAW_STATE)),
    "UpgradeResourceIdentity": Message(type_name=text(1), version=integer(2), raw_identity=one(3, RAW_STATE)),
    "ConfigureProvider": Message(terraform_version=text(1), config=dynamic(2)),
    "ReadResource": Message(
        type_name=text(1), current_state=dynamic(2), private=data(3), current_identity=one(6, IDENTITY)
    ),
    "PlanResourceChange": Message(
        type_name=text(1),
        prior_state=dynamic(2),
        proposed_new_state=dynamic(3),
        config=dynamic(4),
        prior_private=data(5),
        prior_identity=one(8, IDENTITY),
    ),
    "ApplyResourceChange": Message(
        type_name=text(1),
        prior_state=dynamic(2),
        planned_state=dynamic(3),
        config=dynamic(4),
        planned_private=data(5),
        planned_identity=one(7, IDENTITY),
    ),
    "ImportResourceState": Message(type_name=text(1), id=text(2), identity=one(4, IDENTITY)),
    "ReadDataSource": Message(type_name=text(1), config=dynamic(2)),
    "ValidateEphemeralResourceConfig": Message(type_name=text(1), config=dynamic(2)),
    "OpenEphemeralResource": Message(type_name=text(1), config=dynamic(2)),
    "CloseEphemeralResource": Message(type_name=text(1), private=data(2)),
    "StopProvider": EMPTY,
}
"""What Terraform sends."""

ANSWERS: dict[str, Message] = {
    "GetMetadata": Message(
        server_capabilities=one(1, SERVER_CAPABILITIES),
        diagnostics=many(2, DIAGNOSTIC),
        data_sources=many(3, TYPE_NAME),
        resources=many(4, TYPE_NAME),
        functions=many(5, FUNCTION_NAME),
        ephemeral_resources=many(6, TYPE_NAME),
    ),
    "GetProviderSchema": Message(
        provider=one(1, SCHEMA),
        resource_schemas=keyed(2, SCHEMA),
        data_source_schemas=keyed(3, SCHEMA),
        diagnostics=many(4, DIAGNOSTIC),
        server_capabilities=one(6, SERVER_CAPABILITIES),
        functions=keyed(7, FUNCTION),
        ephemeral_resource_schemas=keyed(8, SCHEMA),
    ),
    "GetResourceIdentitySchemas": Message(identity_schemas=keyed(1, IDENTITY_SCHEMA), diagnostics=many(2, DIAGNOSTIC)),
    "GetFunctions": Message(functions=keyed(1, FUNCTION), diagnostics=many(2, DIAGNOSTIC)),
    "CallFunction": Message(result=dynamic(1), error=one(2, FUNCTION_ERROR)),
    "ValidateProviderConfig": Message(diagnostics=many(2, DIAGNOSTIC)),
    "ValidateResourceConfig": ONLY_DIAGNOSTICS,
    "ValidateDataResourceConfig": ONLY_DIAGNOSTICS,
    "UpgradeResourceState": Message(upgraded_state=dynamic(1), diagnostics=many(2, DIAGNOSTIC)),
    "UpgradeResourceIdentity": Message(upgraded_identity=one(1, IDENTITY), diagnostics=many(2, DIAGNOSTIC)),
    "ConfigureProvider": ONLY_DIAGNOSTICS,
    "ReadResource": Message(
        new_state=dynamic(1), diagnostics=many(2, DIAGNOSTIC), private=data(3), new_identity=one(5, IDENTITY)
    ),
    "PlanResourceChange": Message(
        planned_state=dynamic(1),
        requires_replace=many(2, PATH),
        planned_private=data(3),
        diagnostics=many(4, DIAGNOSTIC),
        planned_identity=one(7, IDENTITY),
    ),
    "ApplyResourceChange": Message(
        new_state=dynamic(1), private=data(2), diagnostics=many(3, DIAGNOSTIC), new_identity=one(5, IDENTITY)
    ),
    "ImportResourceState": Message(imported_resources=many(1, IMPORTED), diagnostics=many(2, DIAGNOSTIC)),
    "ReadDataSource": Message(state=dynamic(1), diagnostics=many(2, DIAGNOSTIC)),
    "ValidateEphemeralResourceConfig": ONLY_DIAGNOSTICS,
    "OpenEphemeralResource": Message(diagnostics=many(1, DIAGNOSTIC), result=dynamic(3), private=data(4)),
    "CloseEphemeralResource": ONLY_DIAGNOSTICS,
    "StopProvider": Message(error=text(1)),
}
"""What we answer."""
