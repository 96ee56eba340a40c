using System.Reflection;
using System.Reflection.Metadata;
using System.Reflection.Metadata.Ecma335;
using System.Reflection.PortableExecutable;
using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;

namespace LocalBloom.AI.Tests;

/// <summary>What holds for the library as a whole. Rules about its text are checked where the repository is, and skipped elsewhere.</summary>
public class ArchitectureTests
{
    private const int MostLinesOfAFile = 300;
    private const int MostLinesOfAMember = 60;

    private static readonly Assembly s_library = typeof(BloomChatClient).Assembly;
    private static readonly string? s_sources = FindSources();

    [Theory]
    [InlineData("Model")]
    [InlineData("Ops")]
    [InlineData("Execution")]
    public void Computation_KnowsNothingOfStrategies(string folder) =>
        AssertNowhere(Files(folder), @"\b(BloomStrategy|BloomNumberType|DeviceKind)\b");

    // TorchSharp's shape makes an array with each call, in twenty times the time of size(i), and the host's time bounds a decoding step.
    [Theory]
    [InlineData("Kernels")]
    [InlineData("Ops")]
    [InlineData("Collectives")]
    [InlineData("Model")]
    [InlineData("Execution")]
    [InlineData("Sampling")]
    public void Steps_AskForSizesOneByOne(string folder) => AssertNowhere(Files(folder), @"\.shape\b");

    // TorchSharp frees a scalar by its finalizer, which may run while the call that it was made for still reads it: the name of a type that there is not, or
    // a wrong number. One that the compiler makes of a literal has nobody to keep it; ours are kept, see Scalars.
    [Fact]
    public void NoScalarIsMadeInPassing() => Assert.Empty(CallersOf(typeof(TorchSharp.Scalar), "op_Implicit"));

    [Fact]
    public void NothingSetsTorchsGlobals() => AssertNowhere(Files(), @"\b(set_default_\w+|manual_seed(_all)?)\b");

    [Fact]
    public void NothingIsLeftToDo() => AssertNowhere(Files(), @"\b(TODO|FIXME|HACK|NotImplementedException)\b");

    [Fact]
    public void FilesAreShort() =>
        Assert.All(Files(), file => Assert.True(File.ReadLines(file).Count() <= MostLinesOfAFile, $"{Name(file)} has more than {MostLinesOfAFile} lines."));

    [Fact]
    public void MembersAreShort() => Assert.All(Files(), file => Assert.Empty(LongMembers(file)));

    [Fact]
    public void PublicTypes_AreInThePublicNamespaces() =>
        Assert.All(s_library.GetExportedTypes(), type => Assert.True(
            type.Namespace is "LocalBloom.AI" or "Microsoft.Extensions.DependencyInjection", $"{type} is public."));

    [Fact]
    public void PublicClasses_AreSealed_OrMadeToBeDerivedFrom() =>
        Assert.Equal(
            [nameof(LocalBloomException), nameof(PromptTemplate)],
            s_library.GetExportedTypes().Where(type => type is { IsClass: true, IsSealed: false }).Select(type => type.Name).Order(StringComparer.Ordinal));

    [Fact]
    public void NoStaticFieldChanges()
    {
        IEnumerable<FieldInfo> fields = s_library.GetTypes().Where(type => !IsGenerated(type))
            .SelectMany(type => type.GetFields(BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly));

        Assert.Empty(fields.Where(field => !field.IsInitOnly && !field.IsLiteral && !IsGenerated(field)).Select(field => $"{field.DeclaringType}.{field.Name}"));
    }

    // Nested types of generated ones are generated, too; so are the fields behind static properties, which must not have setters instead.
    private static bool IsGenerated(MemberInfo? member) =>
        member is not null
        && ((member.IsDefined(typeof(CompilerGeneratedAttribute)) && !member.Name.EndsWith(">k__BackingField", StringComparison.Ordinal))
            || member.IsDefined(typeof(System.CodeDom.Compiler.GeneratedCodeAttribute))
            || member.Name.StartsWith("<>", StringComparison.Ordinal)
            || IsGenerated(member.DeclaringType));

    // Sources are formatted, so that the braces of a type's members stand at one depth. Members that are one expression are not measured.
    private static IEnumerable<string> LongMembers(string file)
    {
        string[] lines = File.ReadAllLines(file);
        int start = 0;
        for (int i = 0; i < lines.Length; i++)
        {
            if (lines[i].StartsWith("    {", StringComparison.Ordinal))
            {
                start = i;
            }
            else if (lines[i].StartsWith("    }", StringComparison.Ordinal) && i - start - 1 > MostLinesOfAMember)
            {
                yield return $"{Name(file)}:{start + 1} has {i - start - 1} lines.";
            }
        }
    }

    // Methods of the library whose code has the token of a method of another's type.
    private static List<string> CallersOf(Type type, string method)
    {
        using var file = new PEReader(File.OpenRead(typeof(BloomStrategy).Assembly.Location));
        MetadataReader reader = file.GetMetadataReader();
        int[] tokens =
        [
            .. reader.MemberReferences.Where(handle =>
                reader.GetMemberReference(handle) is { Parent.Kind: HandleKind.TypeReference } member &&
                reader.GetString(member.Name) == method &&
                reader.GetString(reader.GetTypeReference((TypeReferenceHandle)member.Parent).Name) == type.Name).Select(handle => MetadataTokens.GetToken(handle)),
        ];
        var callers = new List<string>();
        foreach (MethodDefinition definition in reader.MethodDefinitions.Select(reader.GetMethodDefinition).Where(definition => definition.RelativeVirtualAddress != 0))
        {
            byte[] code = file.GetMethodBody(definition.RelativeVirtualAddress).GetILBytes() ?? [];
            if (tokens.Any(token => code.AsSpan().IndexOf(BitConverter.GetBytes(token)) >= 0))
            {
                callers.Add($"{reader.GetString(reader.GetTypeDefinition(definition.GetDeclaringType()).Name)}.{reader.GetString(definition.Name)}");
            }
        }

        return callers;
    }

    private static void AssertNowhere(IReadOnlyList<string> files, string pattern) =>
        Assert.Empty(files.SelectMany(file => File.ReadLines(file).Select((line, i) => (Place: $"{Name(file)}:{i + 1}: {line.Trim()}", line)))
            .Where(found => Regex.IsMatch(found.line, pattern)).Select(found => found.Place));

    private static string[] Files(string folder = "")
    {
        Assert.SkipWhen(s_sources is null, "the library's sources are not above the executable");
        string separator = Path.DirectorySeparatorChar.ToString();
        string[] files =
        [
            .. Directory.EnumerateFiles(Path.Combine(s_sources, folder), "*.cs", SearchOption.AllDirectories)
                .Where(file => !file.Contains($"{separator}obj{separator}", StringComparison.Ordinal)),
        ];
        Assert.NotEmpty(files);
        return files;
    }

    private static string Name(string file) => Path.GetRelativePath(s_sources!, file);

    private static string? FindSources()
    {
        for (string? folder = AppContext.BaseDirectory; folder is not null; folder = Path.GetDirectoryName(folder))
        {
            string sources = Path.Combine(folder, "src", "LocalBloom.AI");
            if (File.Exists(Path.Combine(sources, "LocalBloom.AI.csproj")))
            {
                return sources;
            }
        }

        return null;
    }
}
