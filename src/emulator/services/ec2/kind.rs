//! The kinds of resources: how their ids begin, what their list is called, and by what they can be filtered.

use super::error::Error;

/// A kind of resource.
#[derive(Debug)]
pub struct Kind {
    /// As tags name it: `internet-gateway`.
    pub name: &'static str,
    /// How its ids begin.
    pub prefix: &'static str,
    /// The member that is its id.
    pub id: &'static str,
    /// The member that is the list of them in an answer.
    pub list: &'static str,
    /// The code for an id that there is not, without `.NotFound`, and what EC2 calls it then.
    missing: (&'static str, &'static str),
    /// Filters and the members that they look at; a path goes into objects, and into every entry of a list.
    pub filters: &'static [(&'static str, &'static str)],
}

impl Kind {
    /// The refusal of an id.
    #[must_use]
    pub fn not_found(&self, id: &str) -> Error {
        let (code, words) = self.missing;
        let is_id = id.strip_prefix(self.prefix).and_then(|rest| rest.strip_prefix('-'));
        if code.ends_with("ID")
            && is_id.is_none_or(|rest| rest.is_empty() || !rest.bytes().all(|b| b.is_ascii_alphanumeric()))
        {
            let code = format!("{code}.Malformed");
            return Error::new(code, format!("Invalid id: \"{id}\" (expecting \"{}-...\")", self.prefix));
        }
        let code = if code.ends_with("NotFound") { code.to_owned() } else { format!("{code}.NotFound") };
        Error::new(code, words.replace("{}", id))
    }
}

macro_rules! kinds {
    ($($constant:ident { $name:literal, $prefix:literal, $id:literal, $list:literal, $code:literal, $words:literal,
        [$($filter:literal: $path:literal),* $(,)?] })+) => {
        $(#[doc = $name]
        pub static $constant: Kind = Kind {
            name: $name,
            prefix: $prefix,
            id: $id,
            list: $list,
            missing: ($code, $words),
            filters: &[$(($filter, $path)),*],
        };)+

        /// Every kind.
        pub static ALL: &[&Kind] = &[$(&$constant),+];
    };
}

kinds! {
    VPC { "vpc", "vpc", "VpcId", "Vpcs", "InvalidVpcID", "The vpc ID '{}' does not exist", [
        "cidr": "CidrBlock", "cidr-block": "CidrBlock", "cidrBlock": "CidrBlock",
        "cidr-block-association.association-id": "CidrBlockAssociationSet.AssociationId",
        "cidr-block-association.cidr-block": "CidrBlockAssociationSet.CidrBlock",
        "dhcp-options-id": "DhcpOptionsId", "is-default": "IsDefault", "isDefault": "IsDefault", "owner-id": "OwnerId",
        "state": "State", "vpc-id": "VpcId",
    ] }
    SUBNET { "subnet", "subnet", "SubnetId", "Subnets", "InvalidSubnetID", "The subnet ID '{}' does not exist", [
        "availability-zone": "AvailabilityZone", "availabilityZone": "AvailabilityZone",
        "availability-zone-id": "AvailabilityZoneId", "available-ip-address-count": "AvailableIpAddressCount",
        "cidr": "CidrBlock", "cidr-block": "CidrBlock", "cidrBlock": "CidrBlock", "default-for-az": "DefaultForAz",
        "defaultForAz": "DefaultForAz", "map-public-ip-on-launch": "MapPublicIpOnLaunch", "owner-id": "OwnerId",
        "state": "State", "subnet-arn": "SubnetArn", "subnet-id": "SubnetId", "vpc-id": "VpcId",
    ] }
    INTERNET_GATEWAY { "internet-gateway", "igw", "InternetGatewayId", "InternetGateways", "InvalidInternetGatewayID",
        "The internetGateway ID '{}' does not exist", [
        "attachment.state": "Attachments.State", "attachment.vpc-id": "Attachments.VpcId",
        "internet-gateway-id": "InternetGatewayId", "owner-id": "OwnerId",
    ] }
    NAT_GATEWAY { "natgateway", "nat", "NatGatewayId", "NatGateways", "NatGatewayNotFound",
        "The Nat Gateway {} was not found", [
        "nat-gateway-id": "NatGatewayId", "state": "State", "subnet-id": "SubnetId", "vpc-id": "VpcId",
    ] }
    ADDRESS { "elastic-ip", "eipalloc", "AllocationId", "Addresses", "InvalidAllocationID",
        "The allocation ID '{}' does not exist", [
        "allocation-id": "AllocationId", "association-id": "AssociationId", "domain": "Domain",
        "instance-id": "InstanceId", "network-interface-id": "NetworkInterfaceId",
        "network-interface-owner-id": "NetworkInterfaceOwnerId", "private-ip-address": "PrivateIpAddress",
        "public-ip": "PublicIp",
    ] }
    ROUTE_TABLE { "route-table", "rtb", "RouteTableId", "RouteTables", "InvalidRouteTableID",
        "The routeTable ID '{}' does not exist", [
        "association.main": "Associations.Main", "association.route-table-association-id": "Associations.RouteTableAssociationId",
        "association.route-table-id": "Associations.RouteTableId", "association.subnet-id": "Associations.SubnetId",
        "owner-id": "OwnerId", "route.destination-cidr-block": "Routes.DestinationCidrBlock",
        "route.destination-prefix-list-id": "Routes.DestinationPrefixListId", "route.gateway-id": "Routes.GatewayId",
        "route.nat-gateway-id": "Routes.NatGatewayId", "route.origin": "Routes.Origin", "route.state": "Routes.State",
        "route-table-id": "RouteTableId", "vpc-id": "VpcId",
    ] }
    SECURITY_GROUP { "security-group", "sg", "GroupId", "SecurityGroups", "InvalidGroup",
        "The security group '{}' does not exist", [
        "description": "Description", "group-id": "GroupId", "group-name": "GroupName", "owner-id": "OwnerId",
        "vpc-id": "VpcId", "ip-permission.cidr": "IpPermissions.IpRanges.CidrIp",
        "ip-permission.from-port": "IpPermissions.FromPort", "ip-permission.to-port": "IpPermissions.ToPort",
        "ip-permission.protocol": "IpPermissions.IpProtocol",
        "ip-permission.group-id": "IpPermissions.UserIdGroupPairs.GroupId",
        "egress.ip-permission.cidr": "IpPermissionsEgress.IpRanges.CidrIp",
        "egress.ip-permission.from-port": "IpPermissionsEgress.FromPort",
        "egress.ip-permission.to-port": "IpPermissionsEgress.ToPort",
        "egress.ip-permission.protocol": "IpPermissionsEgress.IpProtocol",
        "egress.ip-permission.group-id": "IpPermissionsEgress.UserIdGroupPairs.GroupId",
    ] }
    RULE { "security-group-rule", "sgr", "SecurityGroupRuleId", "SecurityGroupRules", "InvalidSecurityGroupRuleId",
        "The security group rule ID '{}' does not exist", [
        "group-id": "GroupId", "security-group-rule-id": "SecurityGroupRuleId",
    ] }
    NETWORK_ACL { "network-acl", "acl", "NetworkAclId", "NetworkAcls", "InvalidNetworkAclID",
        "The networkAcl ID '{}' does not exist", [
        "association.network-acl-id": "Associations.NetworkAclId", "association.subnet-id": "Associations.SubnetId",
        "default": "IsDefault", "network-acl-id": "NetworkAclId", "owner-id": "OwnerId", "vpc-id": "VpcId",
    ] }
    DHCP_OPTIONS { "dhcp-options", "dopt", "DhcpOptionsId", "DhcpOptions", "InvalidDhcpOptionID",
        "The dhcpOption ID '{}' does not exist", [
        "dhcp-options-id": "DhcpOptionsId", "key": "DhcpConfigurations.Key", "owner-id": "OwnerId",
        "value": "DhcpConfigurations.Values.Value",
    ] }
    ENDPOINT { "vpc-endpoint", "vpce", "VpcEndpointId", "VpcEndpoints", "InvalidVpcEndpointId",
        "The Vpc Endpoint Id '{}' does not exist", [
        "ip-address-type": "IpAddressType", "service-name": "ServiceName", "vpc-endpoint-id": "VpcEndpointId",
        "vpc-endpoint-state": "State", "vpc-endpoint-type": "VpcEndpointType", "vpc-id": "VpcId",
    ] }
    INTERFACE { "network-interface", "eni", "NetworkInterfaceId", "NetworkInterfaces", "InvalidNetworkInterfaceID",
        "The networkInterface ID '{}' does not exist", [
        "addresses.private-ip-address": "PrivateIpAddresses.PrivateIpAddress",
        "association.allocation-id": "Association.AllocationId", "association.public-ip": "Association.PublicIp",
        "attachment.attachment-id": "Attachment.AttachmentId", "attachment.instance-id": "Attachment.InstanceId",
        "attachment.status": "Attachment.Status", "availability-zone": "AvailabilityZone", "description": "Description",
        "group-id": "Groups.GroupId", "group-name": "Groups.GroupName", "interface-type": "InterfaceType",
        "mac-address": "MacAddress", "network-interface-id": "NetworkInterfaceId", "owner-id": "OwnerId",
        "private-dns-name": "PrivateDnsName", "private-ip-address": "PrivateIpAddress", "requester-id": "RequesterId",
        "requester-managed": "RequesterManaged", "source-dest-check": "SourceDestCheck", "status": "Status",
        "subnet-id": "SubnetId", "vpc-id": "VpcId",
    ] }
    INSTANCE { "instance", "i", "InstanceId", "Instances", "InvalidInstanceID", "The instance ID '{}' does not exist", [
        "architecture": "Architecture", "availability-zone": "Placement.AvailabilityZone",
        "block-device-mapping.volume-id": "BlockDeviceMappings.Ebs.VolumeId", "client-token": "ClientToken",
        "dns-name": "PublicDnsName", "iam-instance-profile.arn": "IamInstanceProfile.Arn", "image-id": "ImageId",
        "instance-id": "InstanceId", "instance-state-code": "State.Code", "instance-state-name": "State.Name",
        "instance-type": "InstanceType", "instance.group-id": "SecurityGroups.GroupId",
        "instance.group-name": "SecurityGroups.GroupName", "group-id": "SecurityGroups.GroupId", "ip-address": "PublicIpAddress",
        "key-name": "KeyName", "network-interface.network-interface-id": "NetworkInterfaces.NetworkInterfaceId",
        "network-interface.subnet-id": "NetworkInterfaces.SubnetId", "private-dns-name": "PrivateDnsName",
        "private-ip-address": "PrivateIpAddress", "root-device-name": "RootDeviceName", "subnet-id": "SubnetId",
        "vpc-id": "VpcId",
    ] }
    VOLUME { "volume", "vol", "VolumeId", "Volumes", "InvalidVolume", "The volume '{}' does not exist.", [
        "attachment.delete-on-termination": "Attachments.DeleteOnTermination", "attachment.device": "Attachments.Device",
        "attachment.instance-id": "Attachments.InstanceId", "attachment.status": "Attachments.State",
        "availability-zone": "AvailabilityZone", "encrypted": "Encrypted", "size": "Size", "snapshot-id": "SnapshotId",
        "status": "State", "volume-id": "VolumeId", "volume-type": "VolumeType",
    ] }
    KEY_PAIR { "key-pair", "key", "KeyPairId", "KeyPairs", "InvalidKeyPair", "The key pair '{}' does not exist", [
        "fingerprint": "KeyFingerprint", "key-name": "KeyName", "key-pair-id": "KeyPairId",
    ] }
    IMAGE { "image", "ami", "ImageId", "Images", "InvalidAMIID", "The image id '[{}]' does not exist", [
        "architecture": "Architecture", "creation-date": "CreationDate", "description": "Description",
        "hypervisor": "Hypervisor", "image-id": "ImageId", "image-type": "ImageType", "is-public": "Public",
        "name": "Name", "owner-alias": "ImageOwnerAlias", "owner-id": "OwnerId", "platform": "Platform",
        "platform-details": "PlatformDetails", "root-device-name": "RootDeviceName", "root-device-type": "RootDeviceType",
        "state": "State", "virtualization-type": "VirtualizationType",
    ] }
    PREFIX_LIST { "prefix-list", "pl", "PrefixListId", "PrefixLists", "InvalidPrefixListID",
        "The prefixList ID '{}' does not exist", [
        "owner-id": "OwnerId", "prefix-list-id": "PrefixListId", "prefix-list-name": "PrefixListName",
    ] }
    PROFILE_ASSOCIATION { "iam-instance-profile-association", "iip-assoc", "AssociationId", "IamInstanceProfileAssociations",
        "InvalidAssociationID", "The association ID '{}' does not exist", [
        "instance-id": "InstanceId", "state": "State",
    ] }
}
