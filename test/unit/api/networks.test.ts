import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { checkConnect, checkCreate, checkDisconnect } from '../../../daemon/api/networks/check.ts';

test('bodies of Docker’s clients are taken as they are, null counts as missing, case does not matter, unknown fields stay', () => {
  const body = {
    Name: 'n',
    checkduplicate: true,
    Driver: 'bridge',
    EnableIPv6: false,
    IPAM: { Driver: 'default', Options: {}, Config: [{ subnet: '10.0.0.0/24', AuxiliaryAddresses: null }] },
    Options: { a: 'b' },
    Labels: null,
    New: 1,
  };
  assert.equal(checkCreate(body), {
    Name: 'n',
    CheckDuplicate: true,
    Driver: 'bridge',
    EnableIPv6: false,
    IPAM: { Driver: 'default', Options: {}, Config: [{ Subnet: '10.0.0.0/24' }] },
    Options: { a: 'b' },
    New: 1,
  });
  assert.equal(checkConnect({ Container: 'c', EndpointConfig: { Aliases: ['a'], IPAMConfig: { IPv4Address: '10.0.0.9' } } }), {
    container: 'c',
    settings: { Aliases: ['a'], IPAMConfig: { IPv4Address: '10.0.0.9' } },
  });
  assert.equal(checkConnect({ Container: 'c', EndpointConfig: null }), { container: 'c', settings: {} });
  assert.equal(checkDisconnect({ Container: 'c', Force: true }), { container: 'c', force: true });
});

const refused: [() => unknown, RegExp][] = [
  [() => checkCreate(undefined), /^invalid JSON: got EOF/],
  [() => checkCreate([]), /cannot unmarshal array into Go struct field NetworkCreateRequest of type struct/],
  [() => checkCreate('x'), /cannot unmarshal string/],
  [() => checkCreate({ Name: 1 }), /cannot unmarshal number into Go struct field NetworkCreateRequest.Name of type string/],
  [() => checkCreate({ Name: 'n', Internal: 'yes' }), /NetworkCreateRequest.Internal of type bool/],
  [() => checkCreate({ Name: 'n', Labels: { a: 1 } }), /NetworkCreateRequest.Labels of type map\[string\]string/],
  [() => checkCreate({ Name: 'n', Labels: ['a'] }), /NetworkCreateRequest.Labels/],
  [() => checkCreate({ Name: 'n', IPAM: 'x' }), /NetworkCreateRequest.IPAM of type struct/],
  [() => checkCreate({ Name: 'n', IPAM: { Config: {} } }), /NetworkCreateRequest.IPAM.Config of type \[\]struct/],
  [() => checkCreate({ Name: 'n', IPAM: { Config: ['x'] } }), /NetworkCreateRequest.IPAM.Config of type struct/],
  [() => checkCreate({ Name: 'n', IPAM: { Config: [{ Subnet: 7 }] } }), /NetworkCreateRequest.IPAM.Config.Subnet of type string/],
  [() => checkConnect({ Container: {} }), /ConnectOptions.Container of type string/],
  [() => checkConnect({ EndpointConfig: { Aliases: 'a' } }), /ConnectOptions.EndpointConfig.Aliases of type \[\]string/],
  [() => checkDisconnect({ Force: 1 }), /DisconnectOptions.Force of type bool/],
];

test('bodies of the wrong shape are refused in the words of Go’s decoder', () => {
  for (const [call, text] of refused) assert.throws(call, text, String(text));
});

test.run();
