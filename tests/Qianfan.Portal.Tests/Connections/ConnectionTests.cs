using Microsoft.EntityFrameworkCore;
using Qianfan.Portal.Features.Connections;
using Qianfan.Portal.Features.Datasets;
using Qianfan.Portal.Security;

namespace Qianfan.Portal.Tests.Connections;

public class ConnectionTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_secret_goes_in_encrypted_and_never_comes_out()
    {
        await using var portal = new PortalFactory();
        var owner = await portal.ActorAsync();
        var connections = portal.Get<ConnectionService>();

        var id = await connections.CreateAsync(owner, portal.ProjectId, Cloud("Cloud"), Cancel);

        (await connections.ListAsync(owner, portal.ProjectId, Cancel)).Single(c => c.Id == id).ToString().ShouldNotContain("cloud-secret");
        await using var db = portal.Db();
        var stored = await db.Connections.SingleAsync(c => c.Id == id, Cancel);
        stored.ProtectedSecretKey.ShouldNotContain("cloud-secret");
        portal.Get<SecretProtector>().Unprotect(stored.ProtectedSecretKey).ShouldBe("cloud-secret");
        portal.Logs.Lines.ShouldNotContain(line => line.Contains("cloud-secret", StringComparison.Ordinal));
        (await db.AuditEntries.Where(a => a.SubjectId == id.ToString()).SingleAsync(Cancel)).ParametersJson.ShouldNotContain("secret");
    }

    [Fact]
    public async Task The_built_in_platforms_connection_is_always_there()
    {
        await using var portal = new PortalFactory();
        var owner = await portal.ActorAsync();
        var connections = portal.Get<ConnectionService>();
        var embedded = (await connections.ListAsync(owner, portal.ProjectId, Cancel)).Single();

        embedded.Kind.ShouldBe(ConnectionKind.Embedded);
        embedded.AccessKey.ShouldBeEmpty();
        (await Should.ThrowAsync<UserErrorException>(() => connections.DeleteAsync(owner, portal.ProjectId, embedded.Id, Cancel))).Code.ShouldBe("ConnectionBuiltIn");
        (await Should.ThrowAsync<UserErrorException>(() => connections.ChangeKeysAsync(owner, portal.ProjectId, embedded.Id, "a", "b", Cancel))).Code.ShouldBe("ConnectionBuiltIn");
    }

    [Fact]
    public async Task A_connection_in_use_is_not_deleted_and_says_by_what()
    {
        await using var portal = new PortalFactory();
        var owner = await portal.ActorAsync();
        var connections = portal.Get<ConnectionService>();
        var id = await connections.CreateAsync(owner, portal.ProjectId, Cloud("Cloud"), Cancel);
        await using var db = portal.Db();
        db.Datasets.Add(new Dataset { ProjectId = portal.ProjectId, ConnectionId = id, Name = "rows", PlatformId = "ds-1", FileName = "rows.jsonl", Format = "Qianfan", ContentHash = "0" });
        await db.SaveChangesAsync(Cancel);

        var error = await Should.ThrowAsync<UserErrorException>(() => connections.DeleteAsync(owner, portal.ProjectId, id, Cancel));

        error.Code.ShouldBe("ConnectionInUse");
        error.Arguments.ShouldBe([1, 0, 0, 0]);
    }

    [Theory]
    [InlineData("", "AddressInvalid")]
    [InlineData("portal.example.com", "AddressInvalid")]
    [InlineData("ftp://portal.example.com", "AddressInvalid")]
    [InlineData("https://user:pass@portal.example.com", "AddressInvalid")]
    public async Task An_address_that_is_none_is_refused(string address, string code)
    {
        await using var portal = new PortalFactory();
        var wanted = new NewConnection("Other", ConnectionKind.Portal, address, "access", "secret", null);

        var error = await Should.ThrowAsync<UserErrorException>(async () => await portal.Get<ConnectionService>().CreateAsync(await portal.ActorAsync(), portal.ProjectId, wanted, Cancel));

        error.Code.ShouldBe(code);
    }

    [Fact]
    public async Task Names_are_unique_in_a_project()
    {
        await using var portal = new PortalFactory();
        var owner = await portal.ActorAsync();
        var connections = portal.Get<ConnectionService>();
        await connections.CreateAsync(owner, portal.ProjectId, Cloud("Cloud"), Cancel);

        (await Should.ThrowAsync<UserErrorException>(() => connections.CreateAsync(owner, portal.ProjectId, Cloud(" Cloud "), Cancel))).Code.ShouldBe("NameTaken");
    }

    private static NewConnection Cloud(string name) => new(name, ConnectionKind.Cloud, null, "cloud-access", "cloud-secret", "bucket");
}
