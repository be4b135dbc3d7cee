// What an export can be of, and how it is written.

import { may } from '../../api.js';

export const TYPES = [['events', 'Events'], ['escalations', 'Escalations'], ['audit-log', 'Audit log']];
export const STATES = [
  ['queued', 'Queued'], ['running', 'Running'], ['completed', 'Completed'], ['failed', 'Failed'], ['expired', 'Expired'],
];
export const FORMATS = [
  ['jsonl', 'JSON Lines'], ['json', 'JSON'], ['csv', 'CSV'], ['parquet', 'Parquet'], ['ocsf', 'OCSF (JSON Lines)'],
];
export const WINDOWS = [
  ['1h', 'The last hour'], ['24h', 'The last 24 hours'], ['7d', 'The last 7 days'], ['30d', 'The last 30 days'],
  ['', 'Between two times'],
];
export const CONTENTS = [
  ['sealed', 'Sealed: texts stay encrypted, and erasing them reaches the archive too'],
  ['clear', 'In the clear: whoever has the archive reads the texts, and erasing them does not reach it'],
];

const SCOPES = { events: 'events:read', escalations: 'escalations:read', 'audit-log': 'audit:read' };

/** Whether this key may read what an export of this type holds. */
export const mayRead = (type) => may(SCOPES[type]);

export const wordOf = (choices, value) => choices.find(([known]) => known === value)?.[1] ?? value;

/** The forms that a type can be written in. */
export const formatsOf = (type) => FORMATS.filter(([format]) => format !== 'ocsf' || type !== 'escalations');

const VERDICTS = ['allowed', 'blocked', 'redacted', 'escalated', 'failed'];

/** Of each type: name, words, and the values where there are only these. */
export const FILTERS = {
  events: [
    ['verdict', 'Verdict', VERDICTS], ['policy', 'Policy'], ['reason_code', 'Reason code'], ['model', 'Model'],
    ['provider', 'Provider'], ['user_id', 'User'], ['agent_id', 'Agent'], ['gateway_id', 'Id of the gateway'],
    ['configuration_id', 'Id of the configuration'], ['event_type', 'Type of event'], ['q', 'Any text'],
  ],
  escalations: [
    ['state', 'State', ['queued', 'claimed', 'resolved', 'expired']], ['outcome', 'Outcome', ['approved', 'denied']],
    ['policy', 'Policy'], ['user_id', 'User'], ['assignee', 'Assigned to'], ['claimed_by', 'Claimed by'],
    ['gateway_id', 'Id of the gateway'], ['configuration_id', 'Id of the configuration'],
  ],
  'audit-log': [
    ['actor', 'Id of the actor'], ['action', 'Action'], ['object_type', 'Type of the object'], ['object_id', 'Id of the object'],
  ],
};
