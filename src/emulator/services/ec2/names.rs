//! How members are named in EC2's XML: with a small letter first, save for those listed here.

/// (what precedes the member, the member, its element); the first fit counts. A path begins with the operation; its
/// parts are members, so that `Volumes.Attachments` precedes the members of a volume's attachments.
const EXCEPTIONS: &[(&str, &str, &str)] = &[
    ("Images", "OwnerId", "imageOwnerId"),
    ("Images", "Public", "isPublic"),
    ("Images", "State", "imageState"),
    ("Instances", "PublicDnsName", "dnsName"),
    ("Instances", "PublicIpAddress", "ipAddress"),
    ("Instances", "SecurityGroups", "groupSet"),
    ("Instances", "State", "instanceState"),
    ("Instances", "StateTransitionReason", "reason"),
    ("AvailabilityZones", "State", "zoneState"),
    ("NetworkAcls", "IsDefault", "default"),
    ("Regions", "Endpoint", "regionEndpoint"),
    ("SecurityGroups", "Description", "groupDescription"),
    ("Volumes", "State", "status"),
    ("Volumes.Attachments", "State", "status"),
    ("CreateVolume", "State", "status"),
    ("AttachVolume", "State", "status"),
    ("DetachVolume", "State", "status"),
    ("DescribeAvailabilityZones", "AvailabilityZones", "availabilityZoneInfo"),
    ("", "AccountAttributes", "accountAttributeSet"),
    ("", "Addresses", "addressesSet"),
    ("", "Associations", "associationSet"),
    ("", "Attachments", "attachmentSet"),
    ("", "AttributeValues", "attributeValueSet"),
    ("", "AvailabilityZones", "availabilityZoneSet"),
    ("", "BaseEndpointDnsNames", "baseEndpointDnsNameSet"),
    ("", "BlockDeviceMappings", "blockDeviceMapping"),
    ("", "Cidrs", "cidrSet"),
    ("", "DhcpConfigurations", "dhcpConfigurationSet"),
    ("", "DhcpOptions", "dhcpOptionsSet"),
    ("", "DnsEntries", "dnsEntrySet"),
    ("", "Entries", "entrySet"),
    ("", "Events", "eventsSet"),
    ("", "Groups", "groupSet"),
    ("", "IamInstanceProfileAssociations", "iamInstanceProfileAssociationSet"),
    ("", "Images", "imagesSet"),
    ("", "InstanceStatuses", "instanceStatusSet"),
    ("", "Instances", "instancesSet"),
    ("", "InternetGateways", "internetGatewaySet"),
    ("", "Ipv6Addresses", "ipv6AddressesSet"),
    ("", "KeyPairs", "keySet"),
    ("", "Messages", "messageSet"),
    ("", "NatGatewayAddresses", "natGatewayAddressSet"),
    ("", "NatGateways", "natGatewaySet"),
    ("", "NetworkAcls", "networkAclSet"),
    ("", "NetworkInterfaceIds", "networkInterfaceIdSet"),
    ("", "NetworkInterfaces", "networkInterfaceSet"),
    ("", "PrefixLists", "prefixListSet"),
    ("", "PrivateDnsNames", "privateDnsNameSet"),
    ("", "PrivateIpAddresses", "privateIpAddressesSet"),
    ("", "PropagatingVgws", "propagatingVgwSet"),
    ("", "Regions", "regionInfo"),
    ("", "Reservations", "reservationSet"),
    ("", "RevokedSecurityGroupRules", "revokedSecurityGroupRuleSet"),
    ("", "RouteTableIds", "routeTableIdSet"),
    ("", "RouteTables", "routeTableSet"),
    ("", "Routes", "routeSet"),
    ("", "SecurityGroupRules", "securityGroupRuleSet"),
    ("", "SecurityGroups", "securityGroupInfo"),
    ("", "ServiceDetails", "serviceDetailSet"),
    ("", "ServiceNames", "serviceNameSet"),
    ("", "StartingInstances", "instancesSet"),
    ("", "StoppingInstances", "instancesSet"),
    ("", "SubnetIds", "subnetIdSet"),
    ("", "Subnets", "subnetSet"),
    ("", "SupportedIpAddressTypes", "supportedIpAddressTypeSet"),
    ("", "Tags", "tagSet"),
    ("", "TerminatingInstances", "instancesSet"),
    ("", "UserIdGroupPairs", "groups"),
    ("", "Values", "valueSet"),
    ("", "Volumes", "volumeSet"),
    ("", "VpcEndpoints", "vpcEndpointSet"),
    ("", "Vpcs", "vpcSet"),
];

/// The element of a member below `path`.
#[must_use]
pub fn element(path: &str, member: &str) -> String {
    let found = EXCEPTIONS.iter().find(|(before, name, _)| {
        *name == member && (before.is_empty() || path == *before || path.ends_with(&format!(".{before}")))
    });
    if let Some((_, _, element)) = found {
        return (*element).to_owned();
    }
    let mut letters = member.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::element;

    #[test]
    fn elements_depend_on_where_a_member_stands() {
        for (path, member, expected) in [
            ("DescribeVpcs", "Vpcs", "vpcSet"),
            ("DescribeVpcs.Vpcs", "CidrBlock", "cidrBlock"),
            ("DescribeVolumes.Volumes.Attachments", "State", "status"),
            ("DescribeInternetGateways.InternetGateways.Attachments", "State", "state"),
            ("DescribeInstances.Reservations.Instances", "SecurityGroups", "groupSet"),
            ("DescribeSecurityGroups", "SecurityGroups", "securityGroupInfo"),
            ("DescribeVpcEndpointServices.ServiceDetails", "AvailabilityZones", "availabilityZoneSet"),
        ] {
            assert_eq!(element(path, member), expected, "{path} {member}");
        }
    }
}
